"""The steps of a run, each a thin function from refs to a ref. The rooms that do the work are imported inside.

The same functions run in an Airflow task, in ``python -m airloop <step>`` and, later, in a container or a pod.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from airloop import clock
from airloop.errors import DataError, ReleaseRefused, ValidationBlocked
from airloop.refs import (
    BundleRef,
    ModelRef,
    Outcome,
    Ref,
    ReleaseRef,
    SnapshotRef,
    ValidationRef,
    VerdictRef,
    VerificationRef,
)
from airloop.steps.recording import record_validation

if TYPE_CHECKING:
    from airloop.bundle import Bundle
    from airloop.data.snapshot import Snapshot
    from airloop.spec import Pipeline
    from airloop.trainers.distributed_workers import Workers
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)


def take_snapshot(workspace: Workspace, pipeline: Pipeline, *, as_of: datetime) -> SnapshotRef:
    """List, and keep, the partitions that a run at ``as_of`` may see.

    Raises DataError when they cannot be used, and SourceChanged when one changed while it was read.
    """
    from airloop import data

    digest, snapshot = data.take(workspace, pipeline, clock.in_utc(as_of))
    return SnapshotRef(
        digest=digest,
        uri=workspace.store.uri("snapshots", digest),
        as_of=snapshot.as_of,
        partitions=len(snapshot.partitions),
        rows=sum(partition.rows for partition in snapshot.partitions),
        missing=tuple(clock.iso(start) for start in snapshot.missing),
    )


def validate_data(workspace: Workspace, pipeline: Pipeline, *, snapshot: SnapshotRef) -> ValidationRef:
    """Run the expectations on partitions not validated yet, and record how it ended.

    Raises ValidationBlocked when a blocking one fails.
    """
    from airloop import validation

    rows = _snapshot(workspace, snapshot)
    try:
        digest, result = validation.validate(workspace, pipeline, rows)
    except ValidationBlocked as error:
        blocked = validation.load_validation(workspace, error.digest)
        record_validation(workspace, pipeline, snapshot, error.digest, blocked)
        raise
    return record_validation(workspace, pipeline, snapshot, digest, result)


def train_model(
    workspace: Workspace, pipeline: Pipeline, *, snapshot: SnapshotRef, validation: ValidationRef
) -> ModelRef:
    """Fit, log and register a candidate.

    Raises TrainingError when these rows give no model.
    """
    from airloop import training
    from airloop.validation import load_validation

    rows = _snapshot(workspace, snapshot)
    with _in_store("validate_data"):
        checked = load_validation(workspace, validation.digest)
    workers = _workers(workspace, pipeline)
    trained = training.train(workspace, pipeline, snapshot.digest, rows, validation.digest, checked, workers=workers)
    return ModelRef(
        digest=trained.digest,
        uri=workspace.store.uri("models", trained.digest),
        version=trained.version,
        run_id=trained.run_id,
        # One that cannot be computed, such as an AUC of one class, is NaN: that is no JSON, so it is left out.
        metrics={name: value for name, value in trained.metrics.items() if math.isfinite(value)},
    )


def judge_candidate(
    workspace: Workspace, pipeline: Pipeline, *, snapshot: SnapshotRef, validation: ValidationRef, model: ModelRef
) -> VerdictRef:
    """Score candidate and champion on the same later rows and say PROMOTE, HOLD or REJECT, with reasons."""
    from airloop import gates
    from airloop.validation import load_validation

    rows = _snapshot(workspace, snapshot)
    with _in_store("validate_data"):
        checked = load_validation(workspace, validation.digest)
    digest, verdict = gates.judge(workspace, pipeline, snapshot.digest, rows, checked, model.digest, model.version)
    ref = VerdictRef(
        digest=digest,
        uri=workspace.store.uri("verdicts", digest),
        outcome=Outcome(verdict.outcome),
        reasons=tuple(verdict.reasons),
        report=verdict.report,
        champion_version=verdict.champion_version,
    )
    _record(workspace, pipeline, "verdict", ref, digest, version=model.version, as_of=snapshot.as_of)
    return ref


def package_bundle(
    workspace: Workspace, pipeline: Pipeline, *, snapshot: SnapshotRef, model: ModelRef, verdict: VerdictRef
) -> BundleRef:
    """Freeze everything that serving needs under one digest, sign it, and make the image where the target runs images.

    Raises ReleaseRefused unless the verdict is PROMOTE, EvidenceError when it cannot be signed, ImageError when the
    image cannot be made or has no registry to lie in, ClusterRefused when the cluster does not look into it.
    """
    from airloop import bundle, evidence

    _refuse_unless_promoted(pipeline, verdict)
    refuse_without_registry(workspace, pipeline)
    made = bundle.package(
        workspace,
        pipeline,
        snapshot_digest=snapshot.digest,
        model_digest=model.digest,
        version=model.version,
        verdict_digest=verdict.digest,
    )
    ref = BundleRef(
        digest=made.digest,
        uri=workspace.store.uri("bundles", made.digest),
        version=model.version,
        data_cut_off=snapshot.as_of,
        signature=evidence.sign_bundle(workspace, made),
    )
    return ref if pipeline.spec.release.target == "local" else _with_image(workspace, pipeline, made, ref)


def verify_bundle(workspace: Workspace, pipeline: Pipeline, *, bundle: BundleRef) -> VerificationRef:
    """Start the real server on the bundle, replay the golden rows and measure; ``reasons`` say what is wrong."""
    from airloop import verification

    digest, result = verification.verify(workspace, pipeline, bundle.digest, bundle.image)
    ref = VerificationRef(
        digest=digest,
        uri=workspace.store.uri("verifications", digest),
        passed=result.passed,
        reasons=tuple(result.reasons),
        latency_p99_ms=result.latency_p99_ms,
        bundle_mb=result.bundle_mb,
        image=bundle.image,
    )
    if not ref.passed:
        _record_verification(workspace, pipeline, bundle, ref)  # one that passed is recorded with its release
    return ref


def release(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    bundle: BundleRef,
    verdict: VerdictRef,
    verification: VerificationRef,
    run_id: str,
    by: str = "",
    report: Callable[[str], None] = log.info,
) -> ReleaseRef:
    """Roll a verified bundle out step by step; ``by`` is the person who approved it, if one did.

    ``report`` is told each step. Raises ReleaseRefused when a rule forbids it; the champion stays.
    """
    from airloop import release as room

    if verification.passed:
        _record_verification(workspace, pipeline, bundle, verification)
    return room.release(
        workspace,
        pipeline,
        bundle=bundle,
        verdict=verdict,
        verification=verification,
        run_id=run_id,
        by=by,
        report=report,
    )


def roll_back(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    to: str | None,
    reason: str,
    by: str,
    run_id: str,
    report: Callable[[str], None] = log.info,
) -> ReleaseRef:
    """Put an earlier release back: version ``to``, or the previous one.

    Raises ReleaseRefused when there is none.
    """
    from airloop import release as room

    return room.roll_back(workspace, pipeline, to=to, reason=reason, by=by, run_id=run_id, report=report)


def refuse_without_registry(workspace: Workspace, pipeline: Pipeline) -> None:
    """Raise ImageError where the pipeline's target pulls images from a registry and there is none."""
    from airloop import images

    images.refuse_without_registry(workspace, pipeline.spec.release.target)


def _workers(workspace: Workspace, pipeline: Pipeline) -> Workers | None:
    """Return what starts pods for a training that runs in a pod and has several workers."""
    if pipeline.spec.model.workers == 1:
        return None
    from airloop.cluster.workers import worker_pods

    return worker_pods(workspace, pipeline)


def _with_image(workspace: Workspace, pipeline: Pipeline, made: Bundle, ref: BundleRef) -> BundleRef:
    from airloop import evidence, images

    image = images.build(workspace, pipeline.name, made)
    sbom = evidence.record_sbom(workspace, image, on_cluster=pipeline.spec.release.target == "kubernetes")
    return ref.model_copy(update={"image": image.reference, "sbom": sbom})


def _snapshot(workspace: Workspace, ref: SnapshotRef) -> Snapshot:
    from airloop.data import load_snapshot

    with _in_store("take_snapshot"):
        return load_snapshot(workspace, ref.digest)


def _record(
    workspace: Workspace, pipeline: Pipeline, kind: str, ref: Ref, subject: str, *, version: str, as_of: datetime
) -> None:
    payload = ref.model_dump(mode="json") | {"version": version}
    workspace.ledger.record(kind, pipeline.name, subject, payload, as_of=as_of)


def _record_verification(
    workspace: Workspace, pipeline: Pipeline, bundle: BundleRef, verification: VerificationRef
) -> None:
    # On the bundle, so that what explains a release finds it.
    subject, as_of = bundle.digest, bundle.data_cut_off
    _record(workspace, pipeline, "verification", verification, subject, version=bundle.version, as_of=as_of)


@contextmanager
def _in_store(step: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{error}; run {step} again, it makes what is missing") from error


def _refuse_unless_promoted(pipeline: Pipeline, verdict: VerdictRef) -> None:
    if verdict.outcome is not Outcome.PROMOTE:
        reasons = "; ".join(verdict.reasons)
        raise ReleaseRefused(f"{pipeline.name}: the verdict is {verdict.outcome}, not PROMOTE: {reasons}")
