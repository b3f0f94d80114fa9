"""A backtest in MLflow: one run in the experiment ``<pipeline>/backtest``, with its metrics, pictures and page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.entities import Metric, Param, RunStatus, ViewType

from airloop import clock
from airloop.backtest.policies import Policy
from airloop.backtest.walk import Walk
from airloop.training.locks import exclusive
from airloop.training.mlflow_registry import connect, experiment, reporting

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from airloop.workspace import Workspace

TAG = "airloop.backtest"


def log_once(workspace: Workspace, walk: Walk, name: str, folder: Path) -> str:
    """Return the id of the run of backtest ``name`` (digest), made, or finished, where it is not there yet.

    Raises Unreachable when MLflow does not answer, TrainingError when it refuses.
    """
    with exclusive(workspace.home / "locks" / "mlflow"), reporting(workspace.mlflow_url):
        client = connect(workspace.mlflow_url)
        place = experiment(client, workspace, f"{walk.pipeline}/backtest")
        found = client.search_runs([place], f"tags.`{TAG}` = '{name}'", ViewType.ACTIVE_ONLY)
        start, end = clock.iso(walk.steps[0].as_of), clock.iso(walk.steps[-1].until)
        run = found[0] if found else client.create_run(place, run_name=f"{start} to {end}", tags={TAG: name})
        if run.info.status != RunStatus.to_string(RunStatus.FINISHED):
            _log(client, str(run.info.run_id), walk, folder, {"from": start, "to": end, "metric": walk.metric})
        return str(run.info.run_id)


def _log(client: MlflowClient, run_id: str, walk: Walk, folder: Path, params: dict[str, str]) -> None:
    client.log_batch(run_id, params=[Param(key, value) for key, value in params.items()])
    metrics = list(_metrics(walk))
    for first in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[first : first + 1000])
    client.log_artifacts(run_id, str(folder))
    client.set_terminated(run_id)


def _metrics(walk: Walk) -> Iterator[Metric]:
    policies: tuple[Policy, ...] = ("gates", "never", "always")
    for number, step in enumerate(walk.steps):
        # With as_of as their time, metrics that a killed call logged are found again and not doubled.
        instant = int(step.as_of.timestamp() * 1000)
        for policy in policies:
            for metric in walk.metrics:
                score = walk.score(step, policy, metric)
                if score is not None:
                    yield Metric(f"{policy}.{metric}", score.value, instant, number)
