"""How far a candidate came: the stations of the chain, as the ledger knows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airloop import clock
from airloop.ledger import Champion, Entry
from airloop.ledger.tables import entries
from airloop.overview import became
from airloop.overview.shapes import Stage
from airloop.release.hand_over import CERTIFIED
from airloop.steps.noting import ANSWERED, JUDGED
from airloop.steps.recording import VALIDATION
from airloop.validation.naming import counted

if TYPE_CHECKING:
    from airloop.workspace import Workspace

KINDS = (*became.KINDS, JUDGED, CERTIFIED)
MOST = 200


@dataclass(frozen=True)
class Way:
    """What the ledger knows of a version's way after its verdict."""

    verdict: Entry
    validation: Entry | None
    champions: Sequence[Champion]
    entries: Sequence[Entry]
    """Those on the version, the newest first."""
    needs_approval: bool
    is_newest: bool
    """Whether no candidate of newer data was judged."""
    holder: str
    """Run that is releasing now, "" where none is."""

    @property
    def version(self) -> str:
        """Which version it is."""
        return str(self.verdict.payload.get("version", ""))

    def last(self, kind: str) -> Entry | None:
        """Return the newest entry of a kind."""
        return next((one for one in self.entries if one.kind == kind), None)


def way_of(workspace: Workspace, name: str, verdict: Entry, target: str, *, needs_approval: bool) -> Way:
    """Return a version's way. Raises Unreachable and LedgerError."""
    ledger, version = workspace.ledger, str(verdict.payload.get("version", ""))
    on_version = sa.and_(entries.c.kind.in_(KINDS), entries.c.payload["version"].as_string() == version)
    validated = sa.and_(entries.c.kind == VALIDATION, entries.c.as_of == verdict.as_of)
    query = sa.select(entries).where(entries.c.pipeline == name, sa.or_(on_version, validated))
    with ledger.reading() as connection:
        found = [Entry(**row._mapping) for row in connection.execute(query.order_by(entries.c.id.desc()).limit(MOST))]
    return Way(
        verdict=verdict,
        validation=next((one for one in found if one.kind == VALIDATION), None),
        champions=ledger.champions(name),
        entries=[one for one in found if one.kind != VALIDATION],
        needs_approval=needs_approval,
        is_newest=all(one.subject == verdict.subject for one in ledger.latest(name, "verdict", limit=1)),
        holder=ledger.holder(name, target),
    )


def stages(way: Way) -> tuple[Stage, ...]:
    """Return every station of the chain with what is known of it; after the one where it ended none is reached."""
    found: list[Stage] = []
    for stage in _stations(way):
        has_ended = any(one.state in ("ended", "waiting") for one in found)
        found.append(Stage(name=stage.name, state="not reached") if has_ended else stage)
    return tuple(found)


def _stations(way: Way) -> Iterator[Stage]:
    yield from _data(way)
    yield Stage(name="train_model", state="done", says=f"version {way.version}")
    yield _judged(way)
    end = became.became(way.version, way.champions, way.entries)
    if way.needs_approval or way.last(ANSWERED):
        yield _approved(way, is_past=bool(end.word) and end.word != "not approved")
    verification, certified = way.last("verification"), way.last(CERTIFIED)
    is_packaged = bool(verification or certified or end.champion)
    yield _stage("package_bundle", "done" if is_packaged else "not reached")
    yield _verified(verification, is_past=bool(certified or end.champion))
    yield _released(way, end, certified)


def _stage(name: str, state: Any, says: str = "", at: datetime | None = None) -> Stage:
    return Stage(name=name, state=state, says=says, at=at)


def _data(way: Way) -> Iterator[Stage]:
    as_of, entry = way.verdict.as_of, way.validation
    said: Any = entry.payload if entry else {}
    rows = f"{counted(said['rows'], 'row')} in {counted(said['partitions'], 'partition')}, " if entry else ""
    yield _stage("take_snapshot", "done", f"{rows}data up to {clock.told(as_of)}" if as_of else "")
    if entry is None:
        yield _stage("validate_data", "done")
        return
    checked = f"{counted(said['expectations'], 'expectation')}, {counted(said['quarantined'], 'row')} set aside"
    more = f", {counted(len(said['warnings']), 'warning')}" if said.get("warnings") else ""
    yield _stage("validate_data", "done", checked + more, entry.recorded_at)


def _judged(way: Way) -> Stage:
    said, at = way.verdict.payload, way.verdict.recorded_at
    outcome, reasons = str(said.get("outcome", "")), "; ".join(map(str, said.get("reasons", ())))
    if outcome != "PROMOTE":
        return _stage("judge_candidate", "ended", f"{outcome}: {reasons}", at)
    judged = way.last(JUDGED)
    if way.verdict.kind == "backtest":
        return _stage("judge_candidate", "ended", "PROMOTE in a backtest, which releases nothing", at)
    if judged and judged.payload.get("looks_back") and len(way.entries) == 1:
        return _stage("judge_candidate", "ended", "PROMOTE in a backfill, which releases nothing", at)
    if judged and judged.payload.get("is_dry_run") and len(way.entries) == 1:
        return _stage("judge_candidate", "ended", "PROMOTE in a dry run, which ends here", at)
    return _stage("judge_candidate", "done", f"PROMOTE: {reasons}", at)


def _approved(way: Way, *, is_past: bool) -> Stage:
    answer = way.last(ANSWERED)
    if answer is None and is_past:
        certified = way.last(CERTIFIED)
        by = str(certified.payload.get("by", "")) if certified else ""
        return _stage("approve_release", "done", f"{by} approved" if by else "")
    if answer is None:
        told = "a person must approve" if way.is_newest else "no answer is recorded"
        return _stage("approve_release", "waiting" if way.is_newest else "ended", told)
    said: Any = answer.payload
    comment = f": {said['comment']}" if said.get("comment") else ""
    by = said.get("by") or "somebody"
    words = {"Approve": f"{by} approved{comment}", "Reject": f"{by} rejected it{comment}"}
    says = words.get(str(said.get("answer")), "nobody answered in time, and that means no")
    return _stage("approve_release", "done" if said.get("answer") == "Approve" else "ended", says, answer.recorded_at)


def _verified(verification: Entry | None, *, is_past: bool) -> Stage:
    if verification is None:
        return _stage("verify_bundle", "done" if is_past else "not reached")
    said: Any = verification.payload
    if not said.get("passed"):
        return _stage("verify_bundle", "ended", "; ".join(map(str, said["reasons"])), verification.recorded_at)
    measured = f"passed, p99 {said['latency_p99_ms']:.1f} ms, bundle {said['bundle_mb']:.1f} MB"
    return _stage("verify_bundle", "done", measured, verification.recorded_at)


def _released(way: Way, end: became.Became, certified: Entry | None) -> Stage:
    if certified is not None and way.holder and certified.run_id == way.holder:
        return _stage("release", "running", "the rollout is under way", certified.recorded_at)
    if end.champion is not None:
        return _went_live(way, end, end.champion)
    if end.entry is not None and end.word in ("refused", "rolled back"):
        reasons = "; ".join(map(str, end.entry.payload.get("reasons", ())))
        return _stage("release", "ended", f"{end.word}: {reasons}", end.at)
    return _stage("release", "not reached")


def _went_live(way: Way, end: became.Became, champion: Champion) -> Stage:
    on_target = [one for one in way.champions if one.target == champion.target]
    if on_target[0].version == champion.version:
        return _stage("release", "done", f"live on {champion.target}", champion.recorded_at)
    after = next(one for one in on_target if one.generation == champion.generation + 1)
    if end.word == "rolled back":
        by = f" by {after.by}" if after.by else ""
        return _stage("release", "done", f"went live, then taken back{by}: {after.reasons[-1]}", champion.recorded_at)
    return _stage("release", "done", f"was live until version {after.version}", champion.recorded_at)
