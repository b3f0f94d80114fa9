"""Who asked for a run, who answered, and how far a run came: small entries in the ledger, each written once.

With them a run's name leads to what ended it, and a person's name stands beside what they did.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from airloop import clock

if TYPE_CHECKING:
    from airloop.ledger import Entry
    from airloop.refs import ClaimRef, ModelRef, VerdictRef
    from airloop.workspace import Workspace

ASKED, ANSWERED, JUDGED, UNNEEDED = "asked", "approval", "judged", "unneeded"
"""Kinds of the ledger's entries."""
NO_ANSWER = "no answer"
_LONGEST_SUBJECT = 128
"""What the ledger's column holds; a run's name may be longer, and stands in full beside it."""


def note_asked(
    workspace: Workspace,
    pipeline: str,
    *,
    act: Literal["train", "monitor"],
    run_id: str,
    by: str,
    why: str,
    as_of: datetime | None,
    is_dry_run: bool = False,
) -> Entry:
    """Record that a person started a run by hand; a retry finds it recorded."""
    said = {"act": act, "by": by, "why": why, "as_of": clock.iso(as_of) if as_of else None, "is_dry_run": is_dry_run}
    return workspace.ledger.record(ASKED, pipeline, run_id[:_LONGEST_SUBJECT], said, as_of=as_of, run_id=run_id)


def note_judged(
    workspace: Workspace,
    pipeline: str,
    *,
    verdict: VerdictRef,
    model: ModelRef,
    run_id: str,
    as_of: datetime,
    looks_back: bool = False,
    is_dry_run: bool = False,
) -> Entry:
    """Record which verdict a run got: verdicts are found again by many runs, so they name none themselves.

    ``looks_back``: the run is a backfill's, and ends with its verdict. ``training`` is MLflow's name of the training.
    """
    said = {
        "version": model.version,
        "outcome": str(verdict.outcome),
        "training": model.run_id,
        "looks_back": looks_back,
        "is_dry_run": is_dry_run,
    }
    return workspace.ledger.record(JUDGED, pipeline, verdict.digest, said, as_of=as_of, run_id=run_id)


def note_unneeded(workspace: Workspace, pipeline: str, *, claim: ClaimRef, run_id: str) -> Entry:
    """Record that a run was asked for and found nothing to train for, because other runs answer or nobody asks."""
    said = {"reasons": list(claim.reasons)}
    return workspace.ledger.record(UNNEEDED, pipeline, run_id[:_LONGEST_SUBJECT], said, run_id=run_id)


def note_answer(
    workspace: Workspace,
    pipeline: str,
    *,
    answer: str,
    by: str,
    comment: str,
    verdict: str,
    version: str,
    run_id: str,
    at: datetime,
) -> Entry:
    """Record a person's ``answer`` (Approve, Reject) to whether a version may go live, or NO_ANSWER in time.

    A retry has the same answer, by its instant ``at``, and finds it recorded; a task that was cleared is answered anew.
    """
    said = {"answer": answer, "by": by, "comment": comment, "version": version, "run": run_id, "at": clock.iso(at)}
    key = f"{run_id} {at.timestamp():.6f}"[-250:]
    return workspace.ledger.record(ANSWERED, pipeline, verdict, said, run_id=key)
