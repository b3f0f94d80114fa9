"""Certifying: all that a release rests on is looked at, and only then signed for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airloop import clock
from airloop.bundle import open_bundle
from airloop.errors import EvidenceError
from airloop.evidence import documents, sbom, signing
from airloop.evidence.checking import refuse_unless_whole
from airloop.evidence.links import links
from airloop.evidence.statement import PREDICATE_TYPE, STATEMENT_TYPE, Statement, sign
from airloop.evidence.stored import content_of, folder_of

if TYPE_CHECKING:
    from airloop.refs import BundleRef, VerdictRef, VerificationRef
    from airloop.workspace import Workspace


def certify(
    workspace: Workspace,
    pipeline: str,
    *,
    bundle: BundleRef,
    verdict: VerdictRef,
    verification: VerificationRef,
    by: str,
    run_id: str,
    target: str = "",
) -> str:
    """Look at everything that a release of ``bundle`` rests on, sign a statement of it, and return its digest.

    The same release gives the same statement. Raises EvidenceError naming every link that does not hold, BundleError
    when the bundle is altered, Unreachable when a store, an engine or a registry does not answer.
    """
    opened = open_bundle(workspace, bundle.digest)
    lineage = opened.facts.lineage
    rests_on = {
        "snapshot": lineage.get("snapshot", ""),
        "validation": lineage.get("validation", ""),
        "verdict": verdict.digest,
        "verification": verification.digest,
    }
    facts: dict[str, Any] = {
        "pipeline": pipeline,
        "version": bundle.version,
        "dataCutOff": clock.iso(bundle.data_cut_off),
        "target": target,
        "runId": run_id,
        "approvedBy": by,
        "madeFrom": lineage,
        "signature": _signature(workspace, bundle),
    }
    facts |= {name: documents.described(workspace, name, digest) for name, digest in rests_on.items()}
    _refuse_unless_as_handed(bundle, verdict, facts)
    if bundle.image:
        components = sbom.check_sbom(workspace, bundle.sbom, bundle.image, bundle.digest)
        facts |= {"image": bundle.image, "sbom": {"digest": bundle.sbom, "components": components}}
    body = {
        "_type": STATEMENT_TYPE,
        "subject": list(_subjects(pipeline, bundle)),
        "predicateType": PREDICATE_TYPE,
        "predicate": facts,
    }
    unsigned = Statement(body, "")
    refuse_unless_whole(links(workspace, unsigned, heal=True), f"{pipeline} version {bundle.version} is not certified")
    return sign(workspace, body).digest


def _refuse_unless_as_handed(bundle: BundleRef, verdict: VerdictRef, facts: dict[str, Any]) -> None:
    """Raise EvidenceError where a document in the store does not say what the steps before handed on."""
    judged, verified = facts["verdict"], facts["verification"]
    measured = verified["measured"]
    which = f"bundle {bundle.digest[:12]}: "
    if (judged["outcome"], judged["reasons"]) != (verdict.outcome.value, list(verdict.reasons)):
        said = f"{judged['outcome']}: {'; '.join(judged['reasons'])}"
        raise EvidenceError(f"{which}verdict {verdict.digest[:12]} in the store says other than was handed on: {said}")
    if not verified["passed"]:
        raise EvidenceError(f"{which}verification {verified['digest'][:12]} in the store did not pass")
    ran = measured.get("image", bundle.image)
    if ran != bundle.image:
        raise EvidenceError(
            f"{which}verification {verified['digest'][:12]} is of {ran or 'the bundle itself'}, not of "
            f"{bundle.image or 'the bundle itself'}"
        )


def _signature(workspace: Workspace, bundle: BundleRef) -> dict[str, str]:
    key = signing.key_of(workspace, bundle.digest, bundle.signature)
    folder = folder_of(workspace, signing.KIND, bundle.signature)
    return {"digest": bundle.signature, "content": content_of(folder), "key": key}


def _subjects(pipeline: str, bundle: BundleRef) -> Iterator[dict[str, Any]]:
    yield {"name": f"{pipeline}/{bundle.version}", "digest": {"sha256": bundle.digest}}
    if bundle.image:
        yield {"name": bundle.image, "digest": {"sha256": bundle.image.rpartition("sha256:")[2]}}
