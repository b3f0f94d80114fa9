"""What a release is handed must be what was judged and verified: checked here, before anything is touched."""

from __future__ import annotations

from airloop import clock, evidence
from airloop.bundle import Bundle, open_bundle
from airloop.errors import BundleError, EvidenceError, ReleaseRefused
from airloop.ledger import Champion, Ledger
from airloop.refs import BundleRef, Outcome, VerdictRef, VerificationRef
from airloop.workspace import Workspace

CERTIFIED = "certified"
"""Kind of the ledger entry that names the statement of a release; written before anything is touched."""


def check(
    workspace: Workspace,
    pipeline: str,
    bundle: BundleRef,
    verdict: VerdictRef,
    verification: VerificationRef,
) -> Bundle:
    """Return the opened bundle, every byte and its signature checked.

    Raises BundleError when it is altered or not what the ref says, EvidenceError when it is unsigned, or signed by a
    key that is not trusted, ReleaseRefused when the verdict is not PROMOTE, is on another bundle, or the verification
    failed or was of something else.
    """
    opened = evidence.check_bundle(workspace, bundle.digest, bundle.signature)
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


def check_champion(workspace: Workspace, champion: Champion, *, heal: bool = True) -> tuple[str, ...]:
    """Return what a person should know before an earlier champion goes live again.

    ``heal`` fetches, or makes again, an image that is not there; without it nothing is changed, and that is said.

    Raises BundleError unless its bundle is still there, every byte right, and EvidenceError unless the statement of
    its release holds. A release made before there were statements may go live: it is said that it has none.
    """
    try:
        open_bundle(workspace, champion.bundle)
        statement = statement_of(workspace.ledger, champion)
        if not statement:
            return (f"no signed statement is kept of {champion}: its bundle is whole, the rest cannot be checked",)
        return evidence.still_holds(workspace, statement, champion, heal=heal)
    except (BundleError, EvidenceError) as error:
        raise type(error)(f"{champion.place}: cannot go back to {champion}: {error}. Nothing was changed") from error


def statement_of(ledger: Ledger, champion: Champion) -> str:
    """Return the digest of the statement that a champion's release rests on, "" where none was made."""
    entries = ledger.entries(champion.pipeline, CERTIFIED, subject=champion.bundle)
    of_target = [entry for entry in entries if entry.payload["target"] == champion.target]
    # Another run may have been certified for the same bundle and then been refused, or have made it live again.
    first = sorted(of_target, key=lambda entry: entry.run_id != champion.run_id)[:1]
    return "".join(str(entry.payload["evidence"]) for entry in first)


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
