"""One thin operator per step: Airflow's context in, one call of ``airloop.steps``, a small JSON ref out."""

from __future__ import annotations

import json
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, SkipMixin
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airloop.refs import (
    BundleRef,
    ModelRef,
    Outcome,
    Ref,
    ReleaseOutcome,
    ReleaseRef,
    SnapshotRef,
    ValidationRef,
    VerdictRef,
    VerificationRef,
)
from airloop_airflow import context as run
from airloop_airflow import links

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airloop.spec import Pipeline
    from airloop.workspace import Workspace


HEADLINE = 100
"""Most characters of a decision on the run's page."""


def result_of(task: BaseOperator) -> str:
    """Return the template of a task's ref as JSON.

    A template and not ``task.output``: that would draw an arrow from every ref to its reader and hide the chain.
    """
    return f"{{{{ ti.xcom_pull(task_ids='{task.task_id}') | tojson }}}}"


class StepOperator(BaseOperator):
    """What all steps share: the pipeline's name, where it runs, and what the run page links to.

    :param pipeline: name of the pipeline.
    """

    outcome: str | None = None
    """What to tell the spec's notifiers once the task has ended: released, held, rejected or rolled_back."""
    headline = ""
    """What was decided, in a few words; Airflow shows it beside the task in the run's list."""

    def __init__(self, *, pipeline: str, **kwargs: Any) -> None:
        # The one text of a task that shows on the run's page, where a person looks first, and that a task may set.
        super().__init__(map_index_template="{{ task.headline }}", **kwargs)
        self.pipeline = pipeline
        self.ref: Ref | None = None

    def place(self, context: Context) -> tuple[Workspace, Pipeline]:
        """Return the workspace and the pipeline, the first two arguments of every step."""
        workspace = run.workspace()
        return workspace, run.pipeline(context, self.pipeline, workspace)

    def hand_on(self, ref: Ref) -> dict[str, Any]:
        """Keep the ref for the links and return it as JSON for the tasks that follow.

        By way of text, where NaN and infinities are words: Airflow refuses them as numbers.
        """
        self.ref = ref
        result: dict[str, Any] = json.loads(ref.model_dump_json())
        return result

    def say(self, decision: str) -> None:
        """Write what was decided to the log and, shortened, to the run's page."""
        self.headline = shorten(decision, width=HEADLINE, placeholder=" …")
        self.log.info("%s", decision)


class DecidingOperator(StepOperator, SkipMixin):
    """A step after which the run may be over, well and truly.

    :param pipeline: name of the pipeline.
    """

    inherits_from_skipmixin = True

    def end_run_well(self, context: Context, ref: Ref, why: str) -> dict[str, Any]:
        """Skip all that follows, so that the run ends as a success, and say why in the log.

        Skipping leaves ``execute`` by an exception: the result is pushed first, because nothing returns.
        """
        result = self.hand_on(ref)
        context["ti"].xcom_push("return_value", result)
        self.say(why)
        self.log.info("What follows is skipped, and the run ends well.")
        self.skip(context["ti"], context["task"].get_flat_relatives(upstream=False))
        return result


class TakeSnapshot(StepOperator):
    """Freeze the list of partitions that a run at its ``as_of`` may see.

    :param pipeline: name of the pipeline.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a SnapshotRef."""
        from airloop import steps

        if why := run.asked_for(context, "why"):
            self.log.info("Why: %s", why)
        return self.hand_on(steps.take_snapshot(*self.place(context), as_of=run.as_of(context)))


class ValidateData(StepOperator):
    """Check the snapshot's rows against the pipeline's expectations.

    :param pipeline: name of the pipeline.
    :param snapshot: SnapshotRef as JSON.
    """

    template_fields = ("snapshot",)
    operator_extra_links = (links.DataDocs(),)

    def __init__(self, *, snapshot: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a ValidationRef."""
        from airloop import steps

        snapshot = SnapshotRef.model_validate_json(self.snapshot)
        return self.hand_on(steps.validate_data(*self.place(context), snapshot=snapshot))


class TrainModel(StepOperator):
    """Fit a candidate on the snapshot's rows, log it and register its version.

    :param pipeline: name of the pipeline.
    :param snapshot: SnapshotRef as JSON.
    :param validation: ValidationRef as JSON.
    """

    template_fields = ("snapshot", "validation")
    operator_extra_links = (links.TrainingRun(),)

    def __init__(self, *, snapshot: str, validation: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot
        self.validation = validation

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a ModelRef."""
        from airloop import steps

        snapshot = SnapshotRef.model_validate_json(self.snapshot)
        validation = ValidationRef.model_validate_json(self.validation)
        return self.hand_on(steps.train_model(*self.place(context), snapshot=snapshot, validation=validation))


class JudgeCandidate(DecidingOperator):
    """Let the gates decide; what follows is skipped unless they say PROMOTE.

    :param pipeline: name of the pipeline.
    :param snapshot: SnapshotRef as JSON.
    :param validation: ValidationRef as JSON.
    :param model: ModelRef as JSON.
    """

    template_fields = ("snapshot", "validation", "model")
    operator_extra_links = (links.Report(),)

    def __init__(self, *, snapshot: str, validation: str, model: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot
        self.validation = validation
        self.model = model

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a VerdictRef."""
        from airloop import steps

        snapshot = SnapshotRef.model_validate_json(self.snapshot)
        validation = ValidationRef.model_validate_json(self.validation)
        model = ModelRef.model_validate_json(self.model)
        verdict = steps.judge_candidate(*self.place(context), snapshot=snapshot, validation=validation, model=model)
        self.outcome = {Outcome.HOLD: "held", Outcome.REJECT: "rejected"}.get(verdict.outcome)
        decision = f"{verdict.outcome}: {'; '.join(verdict.reasons)}"
        if verdict.outcome is not Outcome.PROMOTE:
            return self.end_run_well(context, verdict, decision)
        if run.only_looks_back(context):
            return self.end_run_well(context, verdict, f"{verdict.outcome}, not released: a backfill is history")
        self.say(decision)
        return self.hand_on(verdict)


class PackageBundle(StepOperator):
    """Freeze everything that serving needs under one digest.

    :param pipeline: name of the pipeline.
    :param snapshot: SnapshotRef as JSON.
    :param model: ModelRef as JSON.
    :param verdict: VerdictRef as JSON.
    """

    template_fields = ("snapshot", "model", "verdict")

    def __init__(self, *, snapshot: str, model: str, verdict: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot
        self.model = model
        self.verdict = verdict

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a BundleRef."""
        from airloop import steps

        snapshot = SnapshotRef.model_validate_json(self.snapshot)
        model = ModelRef.model_validate_json(self.model)
        verdict = VerdictRef.model_validate_json(self.verdict)
        bundle = steps.package_bundle(*self.place(context), snapshot=snapshot, model=model, verdict=verdict)
        return self.hand_on(bundle)


class VerifyBundle(DecidingOperator):
    """Start the real server on the bundle and compare; what follows is skipped unless it passes.

    :param pipeline: name of the pipeline.
    :param bundle: BundleRef as JSON.
    """

    template_fields = ("bundle",)

    def __init__(self, *, bundle: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bundle = bundle

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a VerificationRef."""
        from airloop import steps

        bundle = BundleRef.model_validate_json(self.bundle)
        verification = steps.verify_bundle(*self.place(context), bundle=bundle)
        if not verification.passed:
            self.outcome = "rejected"
            return self.end_run_well(context, verification, f"REJECT: {'; '.join(verification.reasons)}")
        if run.asked_for(context, "dry_run"):
            return self.end_run_well(context, verification, "Dry run: verified, and nothing goes live")
        return self.hand_on(verification)


class Release(StepOperator):
    """Roll the bundle out on the target, step by step.

    :param pipeline: name of the pipeline.
    :param bundle: BundleRef as JSON.
    :param verdict: VerdictRef as JSON.
    :param verification: VerificationRef as JSON.
    :param approved_by: the person who approved it; empty where nobody is asked.
    """

    template_fields = ("bundle", "verdict", "verification", "approved_by")
    operator_extra_links = (links.Endpoint(),)

    def __init__(self, *, bundle: str, verdict: str, verification: str, approved_by: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bundle = bundle
        self.verdict = verdict
        self.verification = verification
        self.approved_by = approved_by

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a ReleaseRef; a refused release is skipped and one that was rolled back fails, both with reasons."""
        from airloop import steps

        released = steps.release(
            *self.place(context),
            bundle=BundleRef.model_validate_json(self.bundle),
            verdict=VerdictRef.model_validate_json(self.verdict),
            verification=VerificationRef.model_validate_json(self.verification),
            run_id=context["run_id"],
            by=self.approved_by,
        )
        self.outcome = released.outcome.value.lower()
        decision = f"{released.outcome}: {'; '.join(released.reasons)}"
        self.say(decision)
        result = self.hand_on(released)
        if released.outcome is not ReleaseOutcome.RELEASED:
            context["ti"].xcom_push("return_value", result)
        if released.outcome is ReleaseOutcome.REFUSED:
            raise AirflowSkipException(decision)
        if released.outcome is ReleaseOutcome.ROLLED_BACK:
            raise AirflowFailException(decision)
        return result


class RollBack(StepOperator):
    """Make an earlier version the champion again.

    :param pipeline: name of the pipeline.
    """

    operator_extra_links = (links.Endpoint(),)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a ReleaseRef."""
        from airloop import steps

        champion: ReleaseRef = steps.roll_back(
            *self.place(context),
            to=run.asked_for(context, "to"),
            reason=run.asked_for(context, "reason"),
            by=context["dag_run"].triggering_user_name or "",
            run_id=context["run_id"],
        )
        self.outcome = "rolled_back"
        self.say(f"Version {champion.version} is live at {champion.endpoint}")
        return self.hand_on(champion)


class ReadSpec(BaseOperator):
    """Fail with what is wrong in a pipeline's description.

    :param pipeline: name of the pipeline.
    """

    def __init__(self, *, pipeline: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline

    def execute(self, context: Context) -> None:
        """Raise SpecError, or skip where the file has been mended since the DAG was parsed."""
        from airloop.spec import find

        find(self.pipeline, run.workspace())
        raise AirflowSkipException("The spec can be read again; the DAG has its tasks back with the next parse")
