"""Versions that are, or were, live, as pages tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from airloop.ledger import Champion
from airloop.overview.shapes import Version


def versions(champions: Sequence[Champion]) -> tuple[Version, ...]:
    """Return everything that was ever live, the newest first; ``champions`` are of one pipeline, in that order."""
    first = {(one.target, one.generation): one.recorded_at for one in champions}
    until: dict[str, datetime] = {}
    found = []
    for champion in champions:
        released = first.get((champion.target, champion.released_as), champion.recorded_at)
        found.append(version_of(champion, first_live=released, until=until.get(champion.target)))
        until[champion.target] = champion.recorded_at
    return tuple(found)


def version_of(champion: Champion, *, first_live: datetime, until: datetime | None) -> Version:
    """Return one champion as pages tell of it; ``until`` is None for what is live."""
    return Version(
        version=champion.version,
        generation=champion.generation,
        target=champion.target,
        since=champion.recorded_at,
        until=until,
        first_live=first_live,
        data_cut_off=champion.data_cut_off,
        kind=champion.kind,
        by=champion.by,
        reasons=champion.reasons,
        bundle=champion.bundle,
        image=champion.image,
    )
