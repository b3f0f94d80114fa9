"""Waiting for a window's predictions and labels: a look in the worker first, then without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, TaskDeferralTimeout

from airloop import clock
from airloop.refs import LabelsArrived, PredictionsArrived
from airloop_airflow import context as run
from airloop_airflow import triggers, watching
from airloop_airflow.step import StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

GRACE = timedelta(minutes=5)
"""How long after the end of the waiting a triggerer may take to wake the task; then the scheduler does."""


class WaitForArrivals(StepOperator):
    """Wait until enough has arrived or the time is up. Too little is no failure: what follows is INCONCLUSIVE then.

    :param pipeline: name of the pipeline.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, and wait where that can help."""
        return self.look_again(context)

    def look_again(self, context: Context, event: dict[str, str] | None = None) -> dict[str, Any]:
        """Look once; hand on what is there, or let a trigger wait.

        Raises AirflowFailException where the triggerer can make no look though the worker can.
        """
        look = self.look(context, now=datetime.now(UTC))
        if look.is_final:
            return self.hand_on_arrived(context, look)
        if event and event["error"]:
            raise AirflowFailException(f"the triggerer cannot look, this worker can. It says: {event['error']}")
        until = clock.iso(look.until.replace(microsecond=0))
        self.log.info("%s; waiting until %s", "; ".join(look.found.reasons) or self.counted(look.found), until)
        self.defer(
            trigger=self.trigger(context, look),
            method_name="look_again",
            timeout=max(look.until - datetime.now(UTC), timedelta(0)) + GRACE,
        )

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after the waiting, also where no triggerer was there to end it in time."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            self.log.warning("No triggerer woke this task in time; is one running?")
            return self.look_again(context)

    def hand_on_arrived(self, context: Context, look: watching.Look[Any]) -> dict[str, Any]:
        """Say what arrived, and hand it on."""
        # What is not enough says how much there is in its reasons.
        said = self.counted(look.found) if look.found.is_enough else "INCONCLUSIVE"
        self.say_with_reasons(said, look.found.reasons)
        return self.hand_on(look.found)

    def look(self, context: Context, *, now: datetime) -> watching.Look[Any]:
        """Look once."""
        raise NotImplementedError

    def trigger(self, context: Context, look: watching.Look[Any]) -> triggers.Arrival:
        """Return what waits."""
        raise NotImplementedError

    def counted(self, found: Any) -> str:
        """Return how much there is, in words."""
        raise NotImplementedError


class WaitForPredictions(WaitForArrivals):
    """Wait until the window's predictions are in the log.

    :param pipeline: name of the pipeline.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a PredictionsArrived."""
        if why := run.asked_for(context, "why"):
            self.log.info("Why: %s", why)
        run.note_asked(context, self.pipeline, "monitor")
        return super().execute(context)

    def look(self, context: Context, *, now: datetime) -> watching.Look[PredictionsArrived]:
        """Count the predictions."""
        return watching.look_for_predictions(*self.place(context), as_of=run.as_of(context), now=now)

    def trigger(self, context: Context, look: watching.Look[Any]) -> triggers.Arrival:
        """Return what waits for predictions."""
        return triggers.PredictionsArrival(
            pipeline=self.pipeline,
            as_of=clock.iso(run.as_of(context)),
            look_at=clock.iso(look.again_at),
            until=clock.iso(look.until),
        )

    def counted(self, found: Any) -> str:
        """Return the number of predictions."""
        return f"{found.rows:,} predictions" if found.rows else "no predictions"

    def hand_on_arrived(self, context: Context, look: watching.Look[Any]) -> dict[str, Any]:
        """Hand it on; that nobody asks a live model is an alarm of its own."""
        workspace, pipeline = self.place(context)
        if not look.found.rows and watching.is_live(workspace, pipeline):
            self.outcome = "no_traffic"
        if not run.only_looks_back(context):
            self.set_target_right(workspace, pipeline, context["run_id"])
        return super().hand_on_arrived(context, look)

    def set_target_right(self, workspace: Workspace, pipeline: Pipeline, run_id: str) -> None:
        """Have the target serve the ledger's champion where it does not and nobody releases, and say so in the log."""
        from airloop import release

        target = release.target_of(workspace, pipeline.spec)
        for line in release.set_right(workspace, self.pipeline, target, run_id=run_id):
            self.log.warning("%s", line)


class WaitForLabels(WaitForArrivals):
    """Wait until the labels of the window's predictions are known.

    :param pipeline: name of the pipeline.
    :param predictions: PredictionsArrived as JSON.
    """

    template_fields = ("predictions",)

    def __init__(self, *, predictions: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.predictions = predictions

    def look(self, context: Context, *, now: datetime) -> watching.Look[LabelsArrived]:
        """Count the labels."""
        predictions = PredictionsArrived.model_validate_json(self.predictions)
        return watching.look_for_labels(*self.place(context), predictions=predictions, now=now)

    def trigger(self, context: Context, look: watching.Look[Any]) -> triggers.Arrival:
        """Return what waits for labels."""
        return triggers.LabelsArrival(
            pipeline=self.pipeline,
            predictions=self.predictions,
            look_at=clock.iso(look.again_at),
            until=clock.iso(look.until),
        )

    def counted(self, found: Any) -> str:
        """Return the number of labels."""
        return f"{found.labelled:,} of {found.predictions:,} labels"

    def hand_on_arrived(self, context: Context, look: watching.Look[Any]) -> dict[str, Any]:
        """Hand it on; a source gone silent is an alarm of its own."""
        if look.found.source != "fresh":
            self.outcome = "stale"
        return super().hand_on_arrived(context, look)
