"""Why a version is, or was, live: released after its rollout, or put back by a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airloop import clock
from airloop.ledger import Champion, Entry
from airloop.overview import addresses, facts, proofs, reasoning, why_candidate
from airloop.overview.candidate import candidate
from airloop.overview.facts import OfVersion
from airloop.overview.reasoning import after_colon, all_of, quoted
from airloop.overview.shapes import Because, Related, Why
from airloop.release.hand_over import statement_of
from airloop.release.history import Row
from airloop.reports.wording import number
from airloop.workspace import Workspace


@dataclass(frozen=True)
class Case:
    """One generation, with what was live before and after it on its target."""

    workspace: Workspace
    champion: Champion
    facts: OfVersion
    before: Champion | None
    after: Champion | None

    @property
    def entry(self) -> Entry | None:
        """What was recorded when it went live."""
        kind = "released" if self.champion.kind == "release" else "rolled_back"
        found = self.workspace.ledger.entries(self.champion.pipeline, kind, subject=self.champion.bundle)
        return next((one for one in found if one.run_id == self.champion.run_id), None)


def about(workspace: Workspace, name: str, row: Row) -> Why:
    """Return why a generation is, or was, live."""
    champion = row.champion
    known = facts.of_version(workspace.ledger, name, champion.version)
    case = Case(workspace, champion, known, *_neighbours(known, champion))
    return Why(
        question=f"Why {'is' if row.is_live else 'was'} version {champion.version} live on {champion.target}?",
        answer=_answer(case),
        word="RELEASED" if champion.kind == "release" else "ROLL_BACK",
        at=champion.recorded_at,
        by=champion.by,
        because=tuple(_because(case)),
        next=tuple(_next(case)),
        proofs=(
            *proofs.of_version(workspace, known),
            *proofs.statement(statement_of(workspace.ledger, champion)),
        ),
        related=tuple(_related(case)),
    )


def _neighbours(known: OfVersion, champion: Champion) -> tuple[Champion | None, Champion | None]:
    on_target = {one.generation: one for one in known.champions if one.target == champion.target}
    return on_target.get(champion.generation - 1), on_target.get(champion.generation + 1)


def _answer(case: Case) -> str:
    champion = case.champion
    if champion.kind == "roll_back":
        gone = f" from version {case.before.version}" if case.before else ""
        said = after_colon(f"{champion.by or 'Somebody'} went back to it{gone}", _reason_of(champion))
    else:
        approved = f"; {champion.by} approved it" if champion.by else ""
        compared = " and held its own against the champion while both answered" if case.before else ""
        said = f"It passed its gates{compared}{approved}."
    return f"{said} {_ended(case)}".strip()


def _reason_of(champion: Champion) -> str:
    """Return what the person wrote, without the ledger's own line before it."""
    return quoted("; ".join(reason for reason in champion.reasons if not reason.startswith("rolled back from version")))


def _ended(case: Case) -> str:
    after = case.after
    if after is None:
        return ""
    when = clock.told(after.recorded_at)
    if after.kind == "release":
        return f"Version {after.version} took its place at {when}."
    return after_colon(
        f"It is live no more: {after.by or 'somebody'} went back to version {after.version} at {when}",
        _reason_of(after),
    )


def _because(case: Case) -> Iterator[Because]:
    champion, known = case.champion, case.facts
    if champion.kind == "release":
        yield from _of_rollout(case)
    else:
        yield Because(text="a roll back puts a version back at once, without a new rollout", state="told")
    approvals = (entry for entry in known.ended if entry.kind == "approval")
    yield from (why_candidate.of_answer(one) for one in approvals if one.payload.get("run") == champion.run_id)
    yield from _of_verification(case)
    if known.verdicts:
        shown = candidate(case.workspace, champion.pipeline, champion.version)
        yield from why_candidate.judged(why_candidate.Case(case.workspace, champion.pipeline, known, shown))
    yield Because(text=f"it learned from data up to {clock.told(champion.data_cut_off)}", state="told")
    refused = known.last("refused")
    if refused is not None and refused.recorded_at > champion.recorded_at:
        yield from all_of(why_candidate.reasons_of(refused), "bad")


def _of_rollout(case: Case) -> Iterator[Because]:
    entry = case.entry
    steps = entry.payload.get("steps", ()) if entry else ()
    if not steps:
        # Without a rollout its reasons say why there was none.
        yield from all_of(case.champion.reasons, "told")
    for step in steps:
        yield Because(text="; ".join(map(str, step["reasons"])), state="good" if step["action"] == "PROMOTE" else "bad")


def _of_verification(case: Case) -> Iterator[Because]:
    entry = next((one for one in case.facts.ended if one.kind == "verification" and one.payload.get("passed")), None)
    if entry is not None:
        p99, size = (float(entry.payload.get(key) or 0.0) for key in ("latency_p99_ms", "bundle_mb"))
        yield Because(
            text=f"started as it ships it answered as it should: 99 % of answers within {number(p99)} ms, "
            f"{number(size)} MB",
            state="good",
        )


def _next(case: Case) -> Iterator[str]:
    if case.after is not None:
        yield f"To make it live again, roll back to version {case.champion.version}."
        return
    yield from reasoning.of_pause(case.workspace.ledger.paused(case.champion.pipeline))
    yield "It stays until a newer candidate passes its gates and its rollout, or until somebody rolls back."
    back = case.workspace.ledger.previous(case.champion.pipeline, case.champion.target)
    if back is not None:
        yield f"A roll back would put version {back.version} back, with data up to {clock.told(back.data_cut_off)}."


def _related(case: Case) -> Iterator[Related]:
    champion, target = case.champion, case.champion.target
    if champion.run_id:
        yield reasoning.of_run(champion.run_id)
        yield from reasoning.of_windows(case.workspace.ledger, champion.pipeline, champion.run_id)
    if champion.restores is not None:
        query = addresses.why(generation=champion.restores, target=target)
        yield Related(title=f"The release of version {champion.version} that it put back", query=query)
    for title, other in (("before it", case.before), ("after it", case.after)):
        if other is not None:
            query = addresses.why(generation=other.generation, target=target)
            yield Related(title=f"Version {other.version}, live {title}", query=query)
