"""Numbers of the ledger's entries that only rise, without reading the whole ledger at every look."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from airloop.exporter.facts import COUNTED
from airloop.ledger.tables import entries

SETTLED = timedelta(minutes=10)
"""After it no writer commits an entry with a smaller id any more."""
_OUTCOME, _ACTION = (entries.c.payload[name].as_string() for name in ("outcome", "action"))
_COLUMNS = (
    *(entries.c.id, entries.c.pipeline, entries.c.kind, entries.c.subject, entries.c.recorded_at),
    sa.func.coalesce(_OUTCOME, _ACTION, "").label("said"),
    entries.c.payload["is_told"].as_boolean().label("is_told"),
)


class Counting:
    """Counts entries by (pipeline, kind, what they say); the first look reads them all, later ones the new ones."""

    def __init__(self) -> None:
        self._settled: Counter[tuple[str, str, str]] = Counter()
        self._floor = 0

    def look(self, connection: sa.Connection, now: datetime) -> Counter[tuple[str, str, str]]:
        """Return all counts; ``now`` is the time by which entries are recorded."""
        query = sa.select(*_COLUMNS).where(entries.c.id > self._floor, entries.c.kind.in_(COUNTED))
        rows = [(row, _key(row)) for row in connection.execute(query)]
        floor = max((row.id for row, _ in rows if row.recorded_at <= now - SETTLED), default=self._floor)
        fresh: Counter[tuple[str, str, str]] = Counter()
        for row, key in rows:
            if key is not None:
                (self._settled if row.id <= floor else fresh)[key] += 1
        self._floor = floor
        return self._settled + fresh


def _key(row: Any) -> tuple[str, str, str] | None:
    """Return what the entry counts as; None for an alert that was told to nobody after all."""
    if row.kind == "alert":
        return (row.pipeline, row.kind, row.subject.partition(" ")[0]) if row.is_told else None
    return row.pipeline, row.kind, row.said
