"""The clock that a time line is drawn on: the data's own, also where a past is replayed in an hour."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airloop.ledger import Entry

_Known = tuple[datetime, datetime]
"""When an entry was recorded, and its ``as_of``."""
REPLAYED = timedelta(days=30)
"""An entry that was recorded later than this after its ``as_of`` belongs to a past that is replayed."""


class DataClock:
    """Says which instant of the data it was when something was recorded that has no ``as_of`` of its own.

    In production that is the instant itself. While a past is replayed, the clock of the data stands at the newest
    ``as_of`` that was recorded until then, maybe years before the clock on the wall.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        known = sorted((one.recorded_at, one.as_of) for one in entries if one.as_of is not None)
        # The first that came with the newest instant says how far behind the clock is: labels may come much later.
        self._recorded = [at for at, _ in known]
        self._newest = list(accumulate(known, _newer))

    def at(self, recorded_at: datetime) -> datetime:
        """Return the instant of the data at which something was recorded."""
        place = bisect_right(self._recorded, recorded_at)
        if not place:
            return recorded_at
        first, as_of = self._newest[place - 1]
        return as_of if first - as_of > REPLAYED else recorded_at

    @property
    def until(self) -> datetime | None:
        """Where the data's clock stands now, None where it is the clock on the wall."""
        if not self._newest:
            return None
        first, as_of = self._newest[-1]
        return as_of if first - as_of > REPLAYED else None


def _newer(before: _Known, one: _Known) -> _Known:
    return one if one[1] > before[1] else before
