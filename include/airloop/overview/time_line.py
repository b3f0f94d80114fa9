"""What happened to a pipeline: events, spans in which versions were live, drift and performance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airloop.ledger import Entry
from airloop.ledger.tables import entries
from airloop.overview import bands, happened
from airloop.overview.backtests import backtests
from airloop.overview.described import descriptions
from airloop.overview.replayed import DataClock
from airloop.overview.shapes import Happened, Span, TimeLine

if TYPE_CHECKING:
    from airloop.ledger import Champion, Ledger
    from airloop.monitoring.records import Record
    from airloop.spec.model import Drift
    from airloop.workspace import Workspace

MOST_SPANS = 500
_CHECKS = ("verification", "validation")
"""Kinds of entries that are told where something did not pass."""
MOST_WAITS = 60
"""Decisions to wait that are told, the newest: those that ask for a training are what matters."""


def time_line(workspace: Workspace, name: str, *, limit: int = 500) -> TimeLine:
    """Return the newest ``limit`` events of a pipeline, the oldest first, with the latest windows beside them.

    What is gone from the store, or whose description cannot be read, is left out. Raises Unreachable and LedgerError
    where the ledger does not answer.
    """
    from airloop.monitoring import records

    ledger = workspace.ledger
    champions = ledger.champions(name)
    watched = records.records(ledger, name, bands.MOST)
    told, left = _told(ledger, name, watched, limit)
    clock = DataClock([*told, *(one.drift for one in watched if one.drift)])
    events = _events(told, champions, clock)
    events += [happened.of_backtest(one, clock) for one in backtests(workspace, name).rows]
    events.sort(key=lambda event: event.recorded_at)
    drift = _drift(workspace, name)
    return TimeLine(
        events=tuple(sorted(events[-limit:], key=_on_the_data_s_clock)),
        spans=_spans(champions, clock),
        drift=bands.marks(workspace, watched),
        drift_warn=drift.warn if drift else None,
        drift_act=drift.act if drift else None,
        drift_method=drift.method if drift else "",
        bands=bands.bands(workspace, watched),
        left_out=left + max(len(events) - limit, 0),
        until=clock.until,
    )


def _told(ledger: Ledger, name: str, watched: Sequence[Record], limit: int) -> tuple[list[Entry], int]:
    """Return the newest entries that are told, and how many there are beside them."""
    said = entries.c.payload
    of_kind = sa.or_(
        entries.c.kind.in_([kind for kind in happened.KINDS if kind not in (*_CHECKS, "decision")]),
        sa.and_(entries.c.kind.in_(_CHECKS), sa.not_(said["passed"].as_boolean())),
        sa.and_(entries.c.kind == "decision", said["action"].as_string() == "RETRAIN"),
    )
    told = sa.and_(entries.c.pipeline == name, of_kind)
    with ledger.reading() as connection:
        rows = connection.execute(sa.select(entries).where(told).order_by(entries.c.id.desc()).limit(limit))
        found = {row.id: Entry(**row._mapping) for row in rows}
        count = connection.scalar(sa.select(sa.func.count()).where(told)) or 0
    left = count - len(found)
    waits = [one.decision for one in watched if one.decision and one.decision.payload.get("action") != "RETRAIN"]
    found |= {one.id: one for one in waits[:MOST_WAITS]}
    return list(found.values()), left


def _events(told: Sequence[Entry], champions: Sequence[Champion], clock: DataClock) -> list[Happened]:
    """Return everything that happened but backtests, in no order."""
    by_hand = {(one.bundle, one.run_id) for one in champions if one.kind == "roll_back"}
    shown = [one for one in told if one.kind != "rolled_back" or (one.subject, one.run_id) not in by_hand]
    events = [happened.of_entry(one, clock) for one in shown]
    events += [happened.of_champion(one, clock) for one in champions]
    return events + list(happened.cut_offs(one for one in told if one.kind == "verdict"))


def _on_the_data_s_clock(event: Happened) -> tuple[object, ...]:
    # A cut-off was recorded with the first verdict that rests on it.
    return event.at, event.recorded_at, event.kind != "cut_off"


def _spans(champions: Sequence[Champion], clock: DataClock) -> tuple[Span, ...]:
    spans: list[Span] = []
    until: dict[str, datetime] = {}
    for champion in champions[:MOST_SPANS]:
        span = Span(
            version=champion.version,
            generation=champion.generation,
            start=clock.at(champion.recorded_at),
            end=until.get(champion.target),
            target=champion.target,
        )
        spans.append(span)
        until[champion.target] = span.start
    return tuple(reversed(spans))


def _drift(workspace: Workspace, name: str) -> Drift | None:
    spec = descriptions(workspace.pipelines).of(name).spec
    return spec.monitor.drift if spec else None
