"""Why a version that was judged never went live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from airloop import clock
from airloop.ledger import Entry, pausing
from airloop.overview import addresses, proofs, reasoning
from airloop.overview.candidate import candidate
from airloop.overview.facts import OfVersion
from airloop.overview.reasoning import OUTCOMES, after_colon, all_of, quoted
from airloop.overview.shapes import Because, Candidate, Related, Why
from airloop.workspace import Workspace

BACKTESTED = "It was made by a backtest, which looks at the past and releases nothing"


@dataclass(frozen=True)
class Case:
    """One version, and what its gates said where that is still there."""

    workspace: Workspace
    pipeline: str
    facts: OfVersion
    shown: Candidate | None

    @property
    def outcome(self) -> str:
        """The last verdict on it: PROMOTE, HOLD or REJECT."""
        return str(self.verdict.payload.get("outcome", ""))

    @property
    def verdict(self) -> Entry:
        """The last verdict on it, of a run where there is one."""
        return (*self.facts.verdicts, *self.facts.backtested)[0]

    @property
    def reasons(self) -> list[str]:
        """Of that verdict."""
        return [str(reason) for reason in self.verdict.payload.get("reasons", ())]

    @property
    def stays(self) -> str:
        """What is live meanwhile."""
        return reasoning.stays(self.facts.champions)


def about(workspace: Workspace, facts: OfVersion, pipeline: str) -> Why:
    """Return why a version never went live."""
    shown = candidate(workspace, pipeline, facts.version) if facts.verdicts else None
    case = Case(workspace, pipeline, facts, shown)
    word, answer, at = _answer(case)
    return Why(
        question=f"Why is version {facts.version} not live?",
        answer=answer,
        word=word,
        at=at,
        by=str(facts.became.entry.payload.get("by") or "") if facts.became.entry else "",
        because=tuple(_because(case)),
        next=tuple(_next(case)),
        proofs=tuple(proofs.of_version(workspace, facts)),
        related=tuple(_related(case)),
    )


def judged(case: Case) -> Iterator[Because]:
    """Yield what the gates said, from the store where they are still there, else from the ledger."""
    if case.shown is not None and case.shown.gates:
        yield from reasoning.of_gates(case.shown.gates, case.reasons)
        yield from all_of(case.shown.warnings, "told")
        return
    yield from all_of(case.reasons, OUTCOMES.get(case.outcome, "told"))
    if case.shown is not None and case.shown.problem:
        yield Because(text="the numbers behind it are not in the store any more", state="told")


def _answer(case: Case) -> tuple[str, str, datetime]:
    """Return the word, the answer, and since when it is so."""
    facts, verdict = case.facts, case.verdict
    gone = facts.became.entry
    if not facts.verdicts:
        return case.outcome, f"{BACKTESTED}. There it was judged {case.outcome}.", verdict.recorded_at
    if case.outcome == "HOLD":
        return "HOLD", after_colon("The gates could not decide", _first(case)), verdict.recorded_at
    if case.outcome == "REJECT":
        return "REJECT", after_colon(_failed(case), _first(case)), verdict.recorded_at
    if gone is not None:
        word, answer = ended(gone)
        return word, answer, gone.recorded_at
    return "PROMOTE", _on_its_way(case), verdict.recorded_at


def _first(case: Case) -> str:
    return next(iter(case.reasons), "")


def _failed(case: Case) -> str:
    gates = [gate for gate in (case.shown.gates if case.shown else ()) if not gate.is_shadow and gate.status != "LATER"]
    failed = sum(gate.status == "FAIL" for gate in gates)
    if not failed:
        return "It was judged not good enough"
    return f"It was judged not good enough, {failed} of {len(gates)} gates failed"


def ended(entry: Entry) -> tuple[str, str]:
    """Return how the way of a version ended that the gates had let pass."""
    said, passed = entry.payload, "The gates let it pass, but"
    first = next(iter(reasons_of(entry)), "")
    if entry.kind == "refused":
        return "REFUSED", after_colon(f"{passed} its release was refused", first)
    if entry.kind == "rolled_back":
        return "ROLLED_BACK", after_colon(f"{passed} its rollout was rolled back", "; ".join(_of_last_step(entry)))
    if entry.kind == "verification":
        return "NOT_VERIFIED", after_colon(f"{passed} started as it ships it did not pass its verification", first)
    if said.get("answer") == "Reject":
        comment = quoted(str(said.get("comment") or ""))
        return "NOT_APPROVED", after_colon(f"{passed} {said.get('by') or 'somebody'} rejected its release", comment)
    return "NOT_APPROVED", f"{passed} nobody approved its release in time, and no answer is a no."


def reasons_of(entry: Entry) -> list[str]:
    """Return the reasons of a refusal or a roll back, without the place in front and the command at the end."""
    place = f"{entry.pipeline} on {entry.payload.get('target')}: "
    said = (str(reason).partition("; `python -m")[0] for reason in entry.payload.get("reasons", ()))
    return [reason.removeprefix(f"{entry.pipeline}: ").removeprefix(place) for reason in said]


def _of_last_step(entry: Entry) -> list[str]:
    steps = entry.payload.get("steps") or []
    return [str(reason) for reason in steps[-1]["reasons"]] if steps else reasons_of(entry)


def _on_its_way(case: Case) -> str:
    noted = next(iter(case.facts.judged), None)
    if noted is not None and noted.payload.get("looks_back"):
        return "The gates would let it pass, but it comes from a backfill, which is history and releases nothing."
    if noted is not None and noted.payload.get("is_dry_run"):
        return "The gates let it pass, but its run was a dry run, after which nothing goes live."
    return "The gates let it pass, and nothing is recorded of it since: it is on its way, or its run was cut short."


def _because(case: Case) -> Iterator[Because]:
    facts = case.facts
    gone = facts.became.entry
    if gone is not None and gone.kind != "approval" and case.outcome == "PROMOTE":
        yield from all_of(reasons_of(gone), "bad")
    answer = facts.last("approval")
    if answer is not None:
        yield of_answer(answer)
    yield from judged(case)
    if case.verdict.as_of is not None:
        yield Because(text=f"it learned from data up to {clock.told(case.verdict.as_of)}", state="told")


def of_answer(entry: Entry) -> Because:
    """Return what a person said to whether a version may go live."""
    said = entry.payload
    by, comment = said.get("by") or "somebody", quoted(str(said.get("comment") or ""))
    if said.get("answer") == "Approve":
        return Because(text=f"{by} approved it" + (f": {comment}" if comment else ""), state="good")
    if said.get("answer") == "Reject":
        return Because(text=f"{by} rejected it" + (f": {comment}" if comment else ""), state="bad")
    return Because(text="nobody answered in time", state="bad")


def _next(case: Case) -> Iterator[str]:
    gone = case.facts.became.entry if case.outcome == "PROMOTE" else None
    if not case.facts.verdicts:
        yield f"A run of training as of the same day would judge it against what is live. {case.stays}"
        return
    if gone is None:
        yield from reasoning.missing(case.shown.gates if case.shown else ())
    yield from _what_helps(case, gone)
    yield from reasoning.of_pause(case.workspace.ledger.paused(case.pipeline))
    yield case.stays


def _what_helps(case: Case, gone: Entry | None) -> Iterator[str]:
    if case.outcome == "HOLD":
        yield "The next training is judged on newer rows, and so may this model be once more labels are known."
    elif case.outcome == "REJECT":
        yield "A better model: newer data, other features or other parameters. Then train again."
    elif gone is None:
        yield "Its run in Airflow says how far it came."
    elif gone.kind == "refused":
        yield from after_refusal(gone)
    elif gone.kind == "rolled_back":
        yield "Look at what went wrong while it answered. The next training starts a rollout of its own."
    elif gone.kind == "verification":
        yield "Make it faster or smaller, or change the limits in the description's gates; then train again."
    else:
        yield "Clear the task approve_release of its run to be asked again, or train again."


def after_refusal(refused: Entry) -> Iterator[str]:
    """Yield what a person can do after a release was refused."""
    reason = next(iter(reasons_of(refused)), "")
    if pausing.PAUSED in reason:
        yield "Once releases go on, clear the task release of its run, or train again."
    elif "older than the champion's" in reason:
        yield "Train on newer data; to go back on purpose, roll back to a version that was live."
    else:
        yield "Start a new run of training."


def _related(case: Case) -> Iterator[Related]:
    for entry in case.facts.judged[:1]:
        yield reasoning.of_run(entry.run_id)
        yield from reasoning.of_windows(case.workspace.ledger, case.pipeline, entry.run_id)
    against = str(case.verdict.payload.get("champion_version") or "")
    if against:
        yield Related(title=f"Version {against}, which it was compared with", query=addresses.why(version=against))
