"""MLflow: one run for each window, with its metrics, pictures and page, in the experiment ``<pipeline>/monitoring``.

A mirror for people who look there: nothing is read back from it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.entities import Metric, Run, RunStatus, ViewType

from airloop.monitoring import page
from airloop.monitoring.figures import figures
from airloop.monitoring.window import Window
from airloop.reports import drawing
from airloop.training.locks import exclusive
from airloop.training.mlflow_registry import connect, experiment, reporting
from airloop.training.registration import check_reachable

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from airloop.refs import DecisionRef, DriftRef, LabelsArrived, PerformanceRef, WindowRef
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

DECISION_TAG = "airloop.decision"
WINDOW_TAG = "airloop.window"


def log_window(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    window: WindowRef,
    drift: DriftRef,
    performance: PerformanceRef,
    labels: LabelsArrived,
    decision: DecisionRef,
) -> str:
    """Return the id of the window's run, made once for one decision, however often and by whomever it is asked for.

    Raises Unreachable when MLflow does not answer, TrainingError when it refuses.
    """
    check_reachable(workspace.mlflow_url)
    with exclusive(workspace.home / "locks" / "mlflow"), reporting(workspace.mlflow_url):
        client = connect(workspace.mlflow_url)
        run = _run(client, workspace, pipeline.name, window, decision)
        run_id = str(run.info.run_id)
        if run.info.status != RunStatus.to_string(RunStatus.FINISHED):
            subject = page.gather(
                workspace,
                pipeline,
                window=window,
                drift=drift,
                performance=performance,
                labels=labels,
                decision=decision,
            )
            _log(client, run_id, workspace, subject, decision)
            client.set_terminated(run_id)
    return run_id


def _run(client: MlflowClient, workspace: Workspace, pipeline: str, window: WindowRef, decision: DecisionRef) -> Run:
    """Return the window's run, also one that a killed process left unfinished, else a new one."""
    place = experiment(client, workspace, f"{pipeline}/monitoring")
    found = client.search_runs([place], f"tags.`{DECISION_TAG}` = '{decision.digest}'", ViewType.ACTIVE_ONLY)
    if found:
        return found[0]
    tags = {
        DECISION_TAG: decision.digest,
        WINDOW_TAG: Window(window.start, window.end).name,
        "airloop.version": window.version,
        "airloop.action": str(decision.action),
    }
    return client.create_run(place, run_name=f"{pipeline} {window.start:%Y-%m-%d %H:%M}", tags=tags)


def _log(client: MlflowClient, run_id: str, workspace: Workspace, subject: page.Subject, decision: DecisionRef) -> None:
    drift, performance = subject.drift, subject.performance
    values = {"rows": float(subject.window.rows), "labelled": float(subject.labels.labelled)}
    values |= {f"drift.{column.name}": column.distance for column in drift.columns}
    values |= {name: one.value for name, one in performance.metrics.items() if one.value is not None}
    values |= {f"estimated.{name}": one.value for name, one in performance.estimated.items()}
    # With the window's end as their time, metrics that a killed call logged are found again and not doubled.
    instant = int(subject.window.end.timestamp() * 1000)
    metrics = [Metric(_allowed(name), value, instant, 0) for name, value in values.items()]
    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[start : start + 1000])
    for name, (spec, _, _) in figures(drift, performance, subject.past).items():
        _log_bytes(client, run_id, f"{_allowed(name)}.png", drawing.draw_png(spec))
    report = workspace.store.folder(page.KIND, decision.report.split("/")[-2]) / page.FILE
    client.log_artifact(run_id, str(report))


def _log_bytes(client: MlflowClient, run_id: str, name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="airloop-pictures-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        client.log_artifact(run_id, str(path), "pictures")


def _allowed(name: str) -> str:
    """Return ``name`` with what MLflow and file systems refuse replaced."""
    return "".join(letter if letter.isalnum() or letter in "_-. " else "_" for letter in name)
