"""A scheduler that imports what the steps need once, before LocalExecutor forks its workers.

A task is a fork of a worker, which is a fork of the scheduler: what that imported costs no task anything. Importing
starts no OpenMP threads, which a fork would lose, and computes nothing; a test looks.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

import httpx
from airflow.listeners import hookimpl
from airflow.sdk import conf

MODULES = (
    "pandas",
    "pyarrow.parquet",
    "xgboost",
    "scipy.stats",
    "sklearn.metrics",
    "alembic.command",
    "great_expectations",
    "mlflow.store.tracking.sqlalchemy_store",
    "vl_convert",
    "datasketches",
    "airloop.steps",
    "airloop.data",
    "airloop.validation",
    "airloop.training",
    "airloop.gates",
    "airloop.bundle",
    "airloop.verification",
    "airloop.release",
    "airloop.monitoring.arrivals",
    "airloop.monitoring.freezing",
    "airloop.monitoring.drift",
    "airloop.monitoring.performance",
    "airloop.monitoring.deciding",
    "airloop.monitoring.page",
)
"""Most of a cold task's time: some eight seconds of a whole run."""
WAIT_S = 240


@hookimpl
def on_starting(component: Any) -> None:
    """Import, then wait until the web server answers: a task that finds none is lost.

    Called in the scheduler before it has workers, and again in each task, which has nothing left to do.
    """
    if type(component).__name__ != "Job":
        return
    for name in MODULES:
        importlib.import_module(name)
    _wait_for_web_server()


def _wait_for_web_server() -> None:
    url = f"{conf.get('core', 'execution_api_server_url').rstrip('/')}/health"
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=60, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
