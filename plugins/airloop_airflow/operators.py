"""One thin operator per step: Airflow's context in, one call of ``airloop.steps``, a small JSON ref out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airloop.errors import ValidationBlocked
from airloop.refs import (
    BundleRef,
    ModelRef,
    Outcome,
    ReleaseOutcome,
    ReleaseRef,
    SnapshotRef,
    ValidationRef,
    VerdictRef,
    VerificationRef,
)
from airloop_airflow import context as run
from airloop_airflow import links
from airloop_airflow.step import DecidingOperator, StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class TakeSnapshot(DecidingOperator):
    """Freeze the list of partitions that a run at its ``as_of`` may see.

    A run that the retrain asset started first takes what the monitoring has decided and no run has taken yet; where
    others have taken all of it, what follows is skipped. So a burst of events makes one training.

    :param pipeline: name of the pipeline.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a SnapshotRef, or a ClaimRef where there is nothing to train for."""
        from airloop import steps

        if why := run.asked_for(context, "why"):
            self.say(why)
        run.note_asked(context, self.pipeline, "train")
        claim = None
        if run.is_asked_for(context):
            claim = steps.claim_retraining(*self.place(context), run_id=context["run_id"])
            wishes = run.wishes(context)
            if not claim.windows and not wishes:
                steps.note_unneeded(run.workspace(), self.pipeline, claim=claim, run_id=context["run_id"])
                return self.end_run_well(context, claim, f"Nothing to train for: {'; '.join(claim.reasons)}")
            self.say(run.because(claim, wishes))
        as_of = run.as_of(context, answered=claim.as_of if claim else None)
        return self.hand_on(self.carry_out(context, steps.take_snapshot, SnapshotRef, as_of=as_of))


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
        self.docs = ""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a ValidationRef. Where the data is refused, too, the task links to the Data Docs that show why."""
        from airloop import steps

        snapshot = SnapshotRef.model_validate_json(self.snapshot)
        try:
            validation = self.carry_out(context, steps.validate_data, ValidationRef, snapshot=snapshot)
        except ValidationBlocked as error:
            self.docs = error.docs
            raise
        self.docs = validation.docs
        return self.hand_on(validation)


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
        model = self.carry_out(context, steps.train_model, ModelRef, snapshot=snapshot, validation=validation)
        return self.hand_on(model)


class JudgeCandidate(DecidingOperator):
    """Let the gates decide; what follows is skipped unless they say PROMOTE.

    :param pipeline: name of the pipeline.
    :param snapshot: SnapshotRef as JSON.
    :param validation: ValidationRef as JSON.
    :param model: ModelRef as JSON.
    """

    version = ""
    """The candidate that is decided on, for those who are told."""
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
        refs: dict[str, Any] = {"snapshot": snapshot, "validation": validation, "model": model}
        verdict = self.carry_out(context, steps.judge_candidate, VerdictRef, **refs)
        self.version = model.version
        run.note_judged(context, self.pipeline, verdict, model, snapshot.as_of)
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

    version = ""
    """The candidate that is decided on, for those who are told."""
    template_fields = ("bundle",)

    def __init__(self, *, bundle: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bundle = bundle

    def execute(self, context: Context) -> dict[str, Any]:
        """Return a VerificationRef."""
        from airloop import steps

        bundle = BundleRef.model_validate_json(self.bundle)
        verification = steps.verify_bundle(*self.place(context), bundle=bundle)
        self.version = bundle.version
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
