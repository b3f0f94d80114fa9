"""The operators of ``<pipeline>.monitor`` that follow the waiting: profile, drift, performance, decision."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import AssetAlias

from airloop import clock
from airloop.refs import (
    Action,
    DecisionRef,
    DriftRef,
    LabelsArrived,
    Level,
    PerformanceRef,
    PredictionsArrived,
    WindowRef,
)
from airloop_airflow import assets, links
from airloop_airflow import context as run
from airloop_airflow.step import StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class ProfileWindow(StepOperator):
    """Freeze the window's predictions, each row once, with their profile.

    :param pipeline: name of the pipeline.
    :param predictions: PredictionsArrived as JSON.
    """

    template_fields = ("predictions",)

    def __init__(self, *, predictions: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.predictions = predictions

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a WindowRef."""
        from airloop import steps

        predictions = PredictionsArrived.model_validate_json(self.predictions)
        window = self.carry_out(context, steps.profile_window, WindowRef, predictions=predictions)
        by = f", most by version {window.version}" if window.version else ""
        self.say(f"{window.rows:,} rows of {_day(window.start)} to {_day(window.end)}{by}")
        return self.hand_on(window)


class ScoreDrift(StepOperator):
    """Say how far the window has moved from what its model was trained on.

    :param pipeline: name of the pipeline.
    :param window: WindowRef as JSON.
    """

    template_fields = ("window",)

    def __init__(self, *, window: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = window

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a DriftRef."""
        from airloop import steps

        window = WindowRef.model_validate_json(self.window)
        drift = self.carry_out(context, steps.score_drift, DriftRef, window=window)
        self.outcome = "act" if drift.level is Level.ACT else None
        self.say_with_reasons(drift.level, drift.reasons)
        return self.hand_on(drift)


class ScorePerformance(StepOperator):
    """Say how good the model was in the window, by the labels that had become known.

    :param pipeline: name of the pipeline.
    :param window: WindowRef as JSON.
    :param labels: LabelsArrived as JSON.
    """

    template_fields = ("window", "labels")

    def __init__(self, *, window: str, labels: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = window
        self.labels = labels

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a PerformanceRef."""
        from airloop import steps

        performance = self.carry_out(
            context,
            steps.score_performance,
            PerformanceRef,
            window=WindowRef.model_validate_json(self.window),
            labels=LabelsArrived.model_validate_json(self.labels),
        )
        self.outcome = "act" if performance.level is Level.ACT else None
        self.say_with_reasons(performance.level, performance.reasons)
        return self.hand_on(performance)


class DecideRetraining(StepOperator):
    """Decide whether retraining would help, and ask for one where it would.

    The pipeline's retrain asset gets its event through an alias: an asset among a task's outlets gets one each time
    that the task succeeds, whatever it decided.

    :param pipeline: name of the pipeline.
    :param window: WindowRef as JSON.
    :param labels: LabelsArrived as JSON.
    :param drift: DriftRef as JSON.
    :param performance: PerformanceRef as JSON.
    """

    template_fields = ("window", "labels", "drift", "performance")
    operator_extra_links = (links.WindowReport(),)

    def __init__(self, *, pipeline: str, window: str, labels: str, drift: str, performance: str, **kwargs: Any) -> None:
        asks = AssetAlias(f"{pipeline}/retrain", group="airloop")
        super().__init__(pipeline=pipeline, outlets=[asks], **kwargs)
        self.asks = asks
        self.window = window
        self.labels = labels
        self.drift = drift
        self.performance = performance

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a DecisionRef. A backfill's decision binds nobody and asks for nothing."""
        from airloop import steps

        decision = steps.decide_retraining(
            *self.place(context),
            window=WindowRef.model_validate_json(self.window),
            labels=LabelsArrived.model_validate_json(self.labels),
            drift=DriftRef.model_validate_json(self.drift),
            performance=PerformanceRef.model_validate_json(self.performance),
            run_id=context["run_id"],
            is_binding=not run.only_looks_back(context),
        )
        self.say_with_reasons(decision.action, decision.reasons)
        if decision.action is Action.RETRAIN:
            self.ask(context, decision)
        return self.hand_on(decision)

    def ask(self, context: Context, decision: DecisionRef) -> None:
        """Emit the retrain asset's event with the task's success, where the decision binds."""
        if not decision.is_binding:
            self.log.info("A backfill is history: it asks for no training")
            return
        self.outcome = "retrain"
        as_of, reason = clock.iso(decision.as_of), "; ".join(decision.reasons)
        signal: dict[str, Any] = {"as_of": as_of, "window": decision.window, "reason": reason}
        context["outlet_events"][self.asks].add(assets.retrain(self.pipeline), extra=signal)
        self.log.info("Asked for a training as of %s", as_of)


def _day(instant: datetime) -> str:
    return clock.iso(instant).removesuffix("T00:00:00Z")
