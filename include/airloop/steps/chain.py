"""The whole chain in one process, without Airflow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airloop.refs import Outcome, Ref, VerdictRef, VerificationRef
from airloop.steps.each import (
    judge_candidate,
    package_bundle,
    refuse_without_registry,
    release,
    take_snapshot,
    train_model,
    validate_data,
    verify_bundle,
)
from airloop.steps.noting import note_judged

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass
class Run:
    """How far a whole run came: the refs by name, and why it ended where it ended."""

    refs: dict[str, Ref] = field(default_factory=dict)
    outcome: str = ""
    reasons: tuple[str, ...] = ()

    def ended(self, outcome: str, reasons: tuple[str, ...]) -> Run:
        """Note how it ended, and return it."""
        self.outcome, self.reasons = str(outcome), reasons
        return self


Watch = Callable[[str], AbstractContextManager[None]]
"""Called with a step's name, entered for as long as the step takes."""


def _unwatched(step: str) -> AbstractContextManager[None]:
    return nullcontext()


def run_all(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    as_of: datetime,
    run_id: str,
    approved_by: str = "",
    watch: Watch = _unwatched,
    report: Callable[[str], None] = log.info,
) -> Run:
    """Run the whole chain in this process, without Airflow; it ends early, with the reasons, unless all agree."""
    refuse_without_registry(workspace, pipeline)
    run = Run()
    verdict = _learn(run, workspace, pipeline, as_of, run_id, watch)
    if verdict.outcome is not Outcome.PROMOTE:
        return run.ended(verdict.outcome, verdict.reasons)
    if pipeline.spec.release.approval == "required" and not approved_by:
        return run.ended("NOT_APPROVED", ("a person must approve: run again with --approved-by YOUR_NAME",))
    verification = _freeze(run, workspace, pipeline, watch)
    if not verification.passed:
        return run.ended("NOT_VERIFIED", verification.reasons)
    with watch("release"):
        refs: dict[str, Any] = {name: run.refs[name] for name in ("bundle", "verdict", "verification")}
        released = release(workspace, pipeline, **refs, run_id=run_id, by=approved_by, report=report)
    run.refs["release"] = released
    return run.ended(released.outcome, released.reasons)


def _learn(
    run: Run, workspace: Workspace, pipeline: Pipeline, as_of: datetime, run_id: str, watch: Watch
) -> VerdictRef:
    with watch("take_snapshot"):
        run.refs["snapshot"] = snapshot = take_snapshot(workspace, pipeline, as_of=as_of)
    with watch("validate_data"):
        run.refs["validation"] = validation = validate_data(workspace, pipeline, snapshot=snapshot)
    with watch("train_model"):
        run.refs["model"] = model = train_model(workspace, pipeline, snapshot=snapshot, validation=validation)
    with watch("judge_candidate"):
        verdict = judge_candidate(workspace, pipeline, snapshot=snapshot, validation=validation, model=model)
        run.refs["verdict"] = verdict
    note_judged(workspace, pipeline.name, verdict=verdict, model=model, run_id=run_id, as_of=snapshot.as_of)
    return verdict


def _freeze(run: Run, workspace: Workspace, pipeline: Pipeline, watch: Watch) -> VerificationRef:
    with watch("package_bundle"):
        refs: dict[str, Any] = {name: run.refs[name] for name in ("snapshot", "model", "verdict")}
        run.refs["bundle"] = bundle = package_bundle(workspace, pipeline, **refs)
    with watch("verify_bundle"):
        run.refs["verification"] = verification = verify_bundle(workspace, pipeline, bundle=bundle)
    return verification
