"""How a run ended, from what is recorded under its name: at which task, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airloop.ledger import Entry
from airloop.overview import facts, reasoning, why_candidate
from airloop.overview.facts import OfRun, OfVersion
from airloop.overview.reasoning import OUTCOMES, after_colon, all_of, quoted
from airloop.overview.shapes import Because
from airloop.refs import Outcome
from airloop.workspace import Workspace

ENDS = ("judged", "unneeded", "refused", "rolled_back")
"""Kinds of entries that tell how a run ended."""


@dataclass(frozen=True)
class Ended:
    """How a run ended: at which task, in a word and a sentence, and when, by whom and for which reasons."""

    word: str
    answer: str
    task: str = ""
    at: datetime | None = None
    by: str = ""
    reasons: tuple[Because, ...] = ()


def ended(workspace: Workspace, name: str, found: OfRun) -> Ended:
    """Return how a run ended by what is recorded; the newest of it counts, for a task may have been cleared."""
    if found.champion is not None:
        return _of_champion(found)
    if found.decision is not None:
        return _of_decision(found.decision)
    newest = next((entry for entry in found.entries if entry.kind in ENDS), None)
    if newest is None:
        return _of_nothing(found)
    if newest.kind == "judged":
        return _of_candidate(workspace, name, found, newest)
    return _of_unneeded(newest) if newest.kind == "unneeded" else _of_release(newest)


def _of_champion(found: OfRun) -> Ended:
    champion = found.champion
    assert champion is not None  # noqa: S101
    if champion.kind == "roll_back":
        said = f"{champion.by or 'Somebody'} went back to version {champion.version}, which answered at once."
        return Ended("ROLL_BACK", said, "roll_back", champion.recorded_at, champion.by)
    said = f"It put version {champion.version} live on {champion.target}."
    return Ended("RELEASED", said, "release", champion.recorded_at, champion.by)


def _of_decision(decision: Entry) -> Ended:
    action = str(decision.payload["action"])
    asked = "asked for a new training" if action == "RETRAIN" else "decided to wait"
    first = next((str(reason) for reason in decision.payload["reasons"]), "")
    said = after_colon(f"It looked at production from {reasoning.window(decision.subject)} and {asked}", first)
    return Ended(action, said, "decide_retraining", decision.recorded_at)


def _of_release(entry: Entry) -> Ended:
    word, said = why_candidate.ended(entry)
    reasons = tuple(all_of(why_candidate.reasons_of(entry), "bad"))
    return Ended(word, _of(str(entry.payload.get("version", "?")), said), "release", entry.recorded_at, "", reasons)


def _of(version: str, said: str) -> str:
    return f"Version {version}: {said[0].lower()}{said[1:]}"


def _of_candidate(workspace: Workspace, name: str, found: OfRun, judged: Entry) -> Ended:
    """Return how a run ended that came to a verdict and not to a release."""
    known = facts.of_version(workspace.ledger, name, str(judged.payload["version"]))
    if judged.payload["outcome"] != Outcome.PROMOTE or judged.payload.get("looks_back"):
        return _of_verdict(known, judged)
    if found.answer is not None and found.answer.payload["answer"] != "Approve":
        return _of_answer(found.answer, known.version)
    failed = known.last("verification")
    if failed is not None and not failed.payload.get("passed") and failed.id > judged.id:
        word, said = why_candidate.ended(failed)
        return Ended(word, _of(known.version, said), "verify_bundle", failed.recorded_at)
    return _of_promoted(known, judged)


def _of_verdict(known: OfVersion, judged: Entry) -> Ended:
    """Return the end of a run at its verdict: one against a release, or a backfill's."""
    outcome = str(judged.payload["outcome"])
    verdict = next((entry for entry in known.verdicts if entry.subject == judged.subject), None)
    reasons = [str(reason) for reason in verdict.payload.get("reasons", ())] if verdict else []
    said = f"Version {known.version} was judged {outcome}"
    if outcome == Outcome.PROMOTE:
        said = f"{said}, and not released: a backfill is history."
    else:
        said = after_colon(said, next(iter(reasons), ""))
    because = tuple(all_of(reasons, OUTCOMES.get(outcome, "told")))
    return Ended(outcome, said, "judge_candidate", judged.recorded_at, reasons=because)


def _of_promoted(known: OfVersion, judged: Entry) -> Ended:
    """Return how far a run came that nothing is recorded to have ended."""
    said = f"Version {known.version} was judged {Outcome.PROMOTE}"
    if judged.payload.get("is_dry_run"):
        said = f"It was a dry run: {said[0].lower()}{said[1:]}, packaged and verified, and nothing goes live."
        return Ended(Outcome.PROMOTE, said, "verify_bundle", judged.recorded_at)
    said = f"{said}. Nothing is recorded since: the run is on its way, waits, or failed."
    return Ended(Outcome.PROMOTE, said, at=judged.recorded_at)


def _of_answer(answer: Entry, version: str) -> Ended:
    said = answer.payload
    by, comment = str(said.get("by") or ""), quoted(str(said.get("comment") or ""))
    if said["answer"] == "Reject":
        text = after_colon(f"{by or 'Somebody'} rejected the release of version {version}", comment)
    else:
        text = f"Nobody approved the release of version {version} in time, and no answer is a no."
    return Ended("NOT_APPROVED", text, "approve_release", answer.recorded_at, by)


def _of_unneeded(entry: Entry) -> Ended:
    first = next((str(reason) for reason in entry.payload["reasons"]), "")
    return Ended("skipped", after_colon("There was nothing to train for", first), "take_snapshot", entry.recorded_at)


def _of_nothing(found: OfRun) -> Ended:
    if found.entries or found.claims:
        unsaid = "it is on its way, a task of it failed, or it is older than such records"
        return Ended("", f"No verdict is recorded under its name: {unsaid}.")
    return Ended(
        "",
        "The ledger knows nothing under this run's name: it is on its way, it failed before it came to a verdict or a "
        "decision, it found one that was made before, or it is older than such records.",
    )
