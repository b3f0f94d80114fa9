"""A scheduler that imports heavy libraries once, before LocalExecutor forks its workers.

A task is a fork of a worker, which is a fork of the scheduler: what that imported costs no task anything. Importing
starts no thread pool that a fork would break (a test looks); nothing is computed here.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)

LIBRARIES = ("pandas", "pyarrow.parquet", "xgboost", "sklearn.metrics", "scipy.stats", "sqlalchemy", "alembic.command")
"""What the steps import, most of the time that a cold task takes."""


@hookimpl
def on_starting(component: Any) -> None:
    """Import the libraries. Called when a scheduler starts, and in each task, where all is there already."""
    for name in LIBRARIES:
        importlib.import_module(name)
