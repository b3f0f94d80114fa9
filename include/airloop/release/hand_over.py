"""What a release is handed must be what was judged and verified: checked here, before anything is touched."""

from __future__ import annotations

from airloop import clock
from airloop.bundle import Bundle, open_bundle
from airloop.errors import BundleError, ReleaseRefused
from airloop.ledger import Champion
from airloop.refs import BundleRef, Outcome, VerdictRef, VerificationRef
from airloop.workspace import Workspace


def check(
    workspace: Workspace,
    pipeline: str,
    bundle: BundleRef,
    verdict: VerdictRef,
    verification: VerificationRef,
) -> Bundle:
    """Return the opened bundle, every byte checked.

    Raises BundleError when it is altered or not what the ref says, ReleaseRefused when the verdict is not PROMOTE, is
    on another bundle, or the verification failed.
    """
    opened = open_bundle(workspace, bundle.digest)
    said = (pipeline, bundle.version, clock.iso(bundle.data_cut_off))
    found = (opened.pipeline, opened.version, clock.iso(opened.data_cut_off))
    if said != found:
        raise BundleError(
            f"bundle {bundle.digest[:12]} is handed over as {_words(*said)}, but it says {_words(*found)}"
        )
    _check_verdict(pipeline, opened, verdict)
    if verification.image != bundle.image:
        raise ReleaseRefused(
            f"{pipeline}: {verification.image or 'the bundle itself'} was verified, and {bundle.image or 'the bundle'} "
            "is handed over: only what was verified ships"
        )
    if not verification.passed:
        raise ReleaseRefused(f"{pipeline}: the verification failed, nothing ships: {'; '.join(verification.reasons)}")
    return opened


def check_champion(workspace: Workspace, champion: Champion) -> None:
    """Raise BundleError unless the bundle of an earlier champion is still there, every byte right."""
    try:
        open_bundle(workspace, champion.bundle)
    except BundleError as error:
        raise BundleError(f"{champion.place}: cannot go back to {champion}: {error}. Nothing was changed") from error


def _check_verdict(pipeline: str, bundle: Bundle, verdict: VerdictRef) -> None:
    if verdict.outcome is not Outcome.PROMOTE:
        raise ReleaseRefused(f"{pipeline}: the verdict is {verdict.outcome}, not PROMOTE: {'; '.join(verdict.reasons)}")
    judged = bundle.facts.lineage.get("verdict", "")
    if judged != verdict.digest:
        raise ReleaseRefused(
            f"{pipeline}: verdict {verdict.digest[:12]} is handed over, but bundle {bundle.digest[:12]} was made after "
            f"verdict {judged[:12] or 'none'}"
        )


def _words(pipeline: str, version: str, data_cut_off: str) -> str:
    return f"version {version} of {pipeline!r} with data up to {data_cut_off}"
