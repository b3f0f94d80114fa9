"""The questions put to the ledger: for each pipeline a few rows, all in one transaction."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from airloop.ledger import Champion, Entry
from airloop.ledger.tables import champions, entries

LAST = ("verdict", "drift", "performance", "decision")
"""Kinds whose newest entry is shown."""
_newest = (
    sa.select(champions.c.pipeline, champions.c.target, sa.func.max(champions.c.generation).label("generation"))
    .group_by(champions.c.pipeline, champions.c.target)
    .subquery()
)


def live(connection: sa.Connection) -> list[tuple[Champion, datetime]]:
    """Return what is live on each target, with the instant at which that release first went live."""
    first = champions.alias()
    same = sa.and_(champions.c.pipeline == _newest.c.pipeline, champions.c.target == _newest.c.target)
    released_as = sa.func.coalesce(champions.c.restores, champions.c.generation)
    query = (
        sa.select(champions, first.c.recorded_at.label("first_live"))
        .join(_newest, sa.and_(same, champions.c.generation == _newest.c.generation))
        .join(
            first,
            sa.and_(
                first.c.pipeline == champions.c.pipeline,
                first.c.target == champions.c.target,
                first.c.generation == released_as,
            ),
        )
    )
    found = []
    for row in connection.execute(query.order_by(champions.c.pipeline, champions.c.target)):
        values = dict(row._mapping)
        del values["id"]
        first_live = values.pop("first_live")
        found.append((Champion(**values | {"reasons": tuple(values["reasons"])}), first_live))
    return found


def last(connection: sa.Connection, pipeline: str) -> dict[str, Entry]:
    """Return the entry with the newest ``as_of`` of each kind in LAST, without those that there are none of."""
    found = {kind: _latest(connection, pipeline, kind) for kind in LAST}
    return {kind: entry for kind, entry in found.items() if entry is not None}


def is_unanswered(connection: sa.Connection, pipeline: str, until: datetime | None) -> bool:
    """Return whether no run answers the newest decision to retrain; ``until``: the champion's data cut-off."""
    asked = _latest(connection, pipeline, "decision", action="RETRAIN")
    if asked is None or asked.as_of is None or (until is not None and asked.as_of <= until):
        return False
    claim = sa.select(entries.c.id).where(
        entries.c.pipeline == pipeline, entries.c.kind == "retraining", entries.c.subject == asked.subject
    )
    return connection.execute(claim.limit(1)).first() is None


def _latest(connection: sa.Connection, pipeline: str, kind: str, **having: str) -> Entry | None:
    query = sa.select(entries).where(
        entries.c.pipeline == pipeline,
        entries.c.kind == kind,
        entries.c.as_of.is_not(None),
        *(entries.c.payload[key].as_string() == text for key, text in having.items()),
    )
    row = connection.execute(query.order_by(entries.c.as_of.desc(), entries.c.id.desc()).limit(1)).first()
    return None if row is None else Entry(**row._mapping)
