"""A plain page about one training, for an MLflow that is a database file and has no pages of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}"
    "table{border-collapse:collapse;width:100%}td{border-top:1px solid #e3e7ec;padding:.3rem .6rem}"
    "td:first-child{width:40%;color:#5a6675}h1{font-size:1.4rem}h2{font-size:1.05rem;margin-top:1.6rem}"
)


_NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""What MLflow answers for a run that it does not have, and for a name that no run has."""


class Unknown(LookupError):
    """MLflow has no such run."""


def read(url: str, run_id: str) -> tuple[Any, str]:
    """Return MLflow's run and the name of its pipeline.

    Raises Unknown where there is none, and Unreachable where MLflow does not answer; no database is made to look there.
    """
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        raise Unknown(f"MLflow knows no run {run_id!r}: nothing was trained yet")
    # By default it tries for four minutes; here a person waits.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    from airloop.training.registration import unreachable

    try:
        client = MlflowClient(url)
        run = client.get_run(run_id)
        experiment = client.get_experiment(run.info.experiment_id).name
    except MlflowException as error:
        if error.error_code in _NOT_THERE:
            raise Unknown(f"MLflow knows no run {run_id!r}: {error}") from None
        raise unreachable(url, error) from None
    except (SQLAlchemyError, OSError) as error:
        raise unreachable(url, error) from None
    # Trainings are in the experiment NAME, windows in NAME/monitoring, backtests in NAME/backtest.
    return run, str(experiment).partition("/")[0]


def page(run: Any) -> str:
    """Return a run's metrics, parameters and lineage as HTML."""
    started = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    tags = {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")}
    metrics = {name: f"{value:.6g}" for name, value in run.data.metrics.items()}
    title = escape(run.info.run_name or run.info.run_id)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
        f"<h1>Training {title}</h1><p>{escape(run.info.status)}, started {started:%Y-%m-%d %H:%M} UTC, "
        f"run {escape(run.info.run_id)}</p>"
        f"{_table('Metrics', metrics)}{_table('Parameters', run.data.params)}{_table('Lineage', tags)}"
    )


def _table(title: str, values: Mapping[str, str]) -> str:
    rows = (f"<tr><td>{escape(name)}<td>{escape(str(value))}" for name, value in sorted(values.items()))
    return f"<h2>{title}</h2><table>{''.join(rows)}</table>" if values else ""
