"""The steps of monitoring, each a thin function from refs to a ref, and the chain of them in one process."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airloop import clock
from airloop.errors import AirloopError
from airloop.refs import (
    ClaimRef,
    DecisionRef,
    DriftRef,
    Handed,
    LabelsArrived,
    PerformanceRef,
    PredictionsArrived,
    Ref,
    WindowRef,
)
from airloop.steps.chain import Watch

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)


def count_predictions(workspace: Workspace, pipeline: Pipeline, *, as_of: datetime) -> PredictionsArrived:
    """Say which window a run at ``as_of`` looks at, and how many of its predictions have arrived."""
    from airloop.monitoring import arrivals

    return arrivals.predictions(workspace, pipeline, as_of=clock.in_utc(as_of))


def count_labels(
    workspace: Workspace, pipeline: Pipeline, *, predictions: PredictionsArrived, now: datetime
) -> tuple[LabelsArrived, bool]:
    """Say how many of the window's labels had become known by when, and whether that is final at ``now``."""
    from airloop.monitoring import arrivals

    return arrivals.labels(workspace, pipeline, predictions=predictions, now=clock.in_utc(now))


def profile_window(workspace: Workspace, pipeline: Pipeline, *, predictions: PredictionsArrived) -> WindowRef:
    """Freeze the window's predictions, each row once, with their profile."""
    from airloop.monitoring import freezing

    return freezing.freeze(workspace, pipeline, predictions=predictions)


def score_drift(workspace: Workspace, pipeline: Pipeline, *, window: WindowRef) -> DriftRef:
    """Say how far the window has moved from what its model was trained on, and record it."""
    from airloop.monitoring import drift

    ref = drift.score(workspace, pipeline, window=window)
    _record(workspace, pipeline, "drift", window, ref)
    return ref


def score_performance(
    workspace: Workspace, pipeline: Pipeline, *, window: WindowRef, labels: LabelsArrived
) -> PerformanceRef:
    """Say how good the model was in the window, by the labels that had become known, and record it."""
    from airloop.monitoring import performance

    ref = performance.score(workspace, pipeline, window=window, labels=labels)
    _record(workspace, pipeline, "performance", window, ref)
    return ref


def decide_retraining(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    window: WindowRef,
    labels: LabelsArrived,
    drift: DriftRef,
    performance: PerformanceRef,
    run_id: str,
    is_binding: bool = True,
) -> DecisionRef:
    """Say whether to train again, publish the window's page and record the decision, unless it does not bind.

    A window has one decision: where one stands already, it is the answer.
    """
    from airloop.monitoring import deciding

    found: dict[str, Any] = {"window": window, "drift": drift, "performance": performance, "labels": labels}
    ref = deciding.decide(workspace, pipeline, **found, as_of=window.as_of, run_id=run_id, is_binding=is_binding)
    if is_binding:
        _mirror(workspace, pipeline, found, ref)
    return ref


def claim_retraining(workspace: Workspace, pipeline: Pipeline, *, run_id: str) -> ClaimRef:
    """Take the decisions to retrain that no other run answers; a retry gets its own again."""
    from airloop.monitoring import claims

    return claims.claim(workspace, pipeline, run_id=run_id)


@dataclass
class Watched:
    """What the whole monitoring of a window gave: refs and counts by the name that other steps take them under."""

    refs: dict[str, Handed] = field(default_factory=dict)
    pending: tuple[str, ...] = ()
    """What may still arrive, so that nothing was recorded; empty where all had arrived or was waited for."""

    @property
    def decision(self) -> DecisionRef:
        """The decision on the window."""
        decision = self.refs["decision"]
        assert isinstance(decision, DecisionRef)  # noqa: S101
        return decision


def _unwatched(step: str) -> AbstractContextManager[None]:
    return nullcontext()


def watch_window(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    as_of: datetime,
    run_id: str,
    now: datetime,
    watch: Watch = _unwatched,
    is_binding: bool = True,
) -> Watched:
    """Run the whole monitoring of the window that a run at ``as_of`` looks at, without Airflow and without waiting.

    While predictions or labels may still arrive at ``now`` the decision does not bind: it would be made too early.
    """
    done = Watched()
    with watch("count_predictions"):
        done.refs["predictions"] = predictions = count_predictions(workspace, pipeline, as_of=as_of)
    with watch("count_labels"):
        labels, is_final = count_labels(workspace, pipeline, predictions=predictions, now=now)
        done.refs["labels"] = labels
    done.pending = tuple(_pending(pipeline, predictions, labels, is_final, clock.in_utc(now)))
    with watch("profile_window"):
        done.refs["window"] = window = profile_window(workspace, pipeline, predictions=predictions)
    with watch("score_drift"):
        done.refs["drift"] = drift = score_drift(workspace, pipeline, window=window)
    with watch("score_performance"):
        performance = score_performance(workspace, pipeline, window=window, labels=labels)
        done.refs["performance"] = performance
    with watch("decide_retraining"):
        done.refs["decision"] = decide_retraining(
            workspace,
            pipeline,
            window=window,
            labels=labels,
            drift=drift,
            performance=performance,
            run_id=run_id,
            is_binding=is_binding and not done.pending,
        )
    return done


def _pending(
    pipeline: Pipeline, predictions: PredictionsArrived, labels: LabelsArrived, is_final: bool, now: datetime
) -> list[str]:
    monitor = pipeline.spec.monitor
    pending = []
    until = predictions.as_of + monitor.predictions.wait
    if not predictions.is_enough and now < until:
        pending.append(f"predictions are waited for until {clock.told(until)}: {predictions.rows:,} so far")
    if not is_final:
        until = labels.as_of + monitor.labels.wait
        pending.append(
            f"labels are waited for until {clock.told(until)}: {labels.labelled:,} of {labels.predictions:,} so far"
        )
    return pending


def _mirror(workspace: Workspace, pipeline: Pipeline, found: dict[str, Any], decision: DecisionRef) -> None:
    """Show the window in MLflow, too. Nothing is read from there, so a decision does not wait for it."""
    from airloop.monitoring import mlflow_log

    try:
        mlflow_log.log_window(workspace, pipeline, **found, decision=decision)
    except AirloopError as error:
        log.warning("the window is not in MLflow: %s. Its page has the same: %s", error, decision.report)


def _record(workspace: Workspace, pipeline: Pipeline, kind: str, window: WindowRef, ref: Ref) -> None:
    from airloop.monitoring.window import Window

    # Under the ref's digest: recomputed with the same outcome it is the same entry.
    payload = ref.model_dump(mode="json") | {"version": window.version, "rows": window.rows}
    name = Window(window.start, window.end).name
    workspace.ledger.record(kind, pipeline.name, name, payload, as_of=window.as_of, run_id=ref.digest)
