"""The walk-forward backtests of a pipeline, as the ledger has them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airloop import clock
from airloop.ledger.tables import Instant, entries
from airloop.overview import addresses
from airloop.overview.shapes import Backtested, Backtests

if TYPE_CHECKING:
    from airloop.ledger import Entry
    from airloop.workspace import Workspace

MOST = 50
"""Backtests that are shown, the newest."""
WALK, VERDICT = "walk", "backtest"
"""Kinds of the ledger's entries: on a whole backtest, and on each verdict of one."""


def backtests(workspace: Workspace, name: str) -> Backtests:
    """Return the newest backtests, the newest first. Raises Unreachable and LedgerError."""
    whole = [_of_whole(workspace, entry) for entry in workspace.ledger.entries(name, WALK, limit=MOST)]
    told = {one.report for one in whole}
    older = [one for one in _of_verdicts(workspace, name) if one.report not in told]
    rows = sorted([*whole, *older], key=lambda one: one.at, reverse=True)
    return Backtests(rows=tuple(rows[:MOST]))


def _of_whole(workspace: Workspace, entry: Entry) -> Backtested:
    said: Any = entry.payload
    return Backtested(
        digest=entry.subject,
        at=entry.recorded_at,
        headline=said["headline"],
        sentences=tuple(said["sentences"]),
        start=clock.parse(said["start"]),
        end=clock.parse(said["end"]),
        models=said["models"],
        report=addresses.of_uri(workspace, said["report"]),
    )


def _of_verdicts(workspace: Workspace, name: str) -> list[Backtested]:
    """Return backtests by what their verdicts have in common, the page: the whole was not always recorded."""
    report = entries.c.payload["report"].as_string().label("page")
    seen = sa.func.max(entries.c.recorded_at, type_=Instant())
    first, last = (bound(entries.c.as_of, type_=Instant()) for bound in (sa.func.min, sa.func.max))
    query = (
        sa.select(report, sa.func.count(), first, last, seen)
        .where(entries.c.pipeline == name, entries.c.kind == VERDICT)
        .group_by("page")
        .order_by(seen.desc())
        .limit(MOST)
    )
    with workspace.ledger.reading() as connection:
        found: list[tuple[str, int, datetime, datetime, datetime]] = [tuple(row) for row in connection.execute(query)]
    return [_of_group(workspace, *row) for row in found]


def _of_group(
    workspace: Workspace, report: str, count: int, first: datetime, last: datetime, seen: datetime
) -> Backtested:
    return Backtested(
        digest=report.rstrip("/").rpartition("/")[0].rpartition("/")[2],
        at=seen,
        headline=f"{count:,} candidates were judged; its page says what came of it",
        sentences=(),
        start=first,
        end=last,
        models=count,
        report=addresses.of_uri(workspace, report),
    )
