"""Point in time: which rows and labels exist for a run at ``as_of``.

What is not known yet must not matter at all: rows are cut before their other columns are read, typed or compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from airloop.data.raw import Integers, Mask, Raw
from airloop.data.times import to_utc
from airloop.data.windows import Interval, micros
from airloop.errors import DataError

if TYPE_CHECKING:
    from airloop.spec.model import Data

NEVER = np.iinfo(np.int64).max
LONG_AGO = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Timed:
    """Raw rows and when their events were."""

    raw: Raw
    event: Integers
    """Microseconds since 1970 UTC, shape (n,); LONG_AGO where rows have no time."""

    @classmethod
    def of(cls, raw: Raw, data: Data) -> Timed:
        """Read ``data.event_time``. Raises DataError for an event without a time."""
        if data.event_time is None:
            return cls(raw, np.full(len(raw), LONG_AGO))
        raw, event = _instants(raw, data.event_time, "data.event_time", data, required=True)
        return cls(raw, event)

    def keep(self, mask: Mask) -> Timed:
        """Return the rows where ``mask`` is true."""
        return self if mask.all() else Timed(self.raw.keep(mask), self.event[mask])

    def within(self, interval: Interval) -> Mask:
        """Return which rows have their event in ``interval``, shape (n,)."""
        if interval.start is None or interval.end is None:
            return np.ones(len(self.raw), dtype=bool)
        inside: Mask = (self.event >= micros(interval.start)) & (self.event < micros(interval.end))
        return inside


@dataclass(frozen=True)
class Seen:
    """The rows that are visible, and the last instant at which anything about any of the rows became known."""

    raw: Raw
    latest: int
    """Microseconds since 1970 UTC; of what is invisible at least one instant is counted."""


def see(rows: Timed, data: Data, as_of: datetime) -> Seen:
    """Return the rows with earlier events, recorded by ``as_of``, without the labels that became known later.

    Raises DataError where a time cannot be read or the label's column is not there.
    """
    now = micros(as_of)
    latest = int(rows.event.max(initial=LONG_AGO))
    raw = rows.keep(rows.event < now).raw
    if data.recorded_at is not None and len(raw):
        raw, recorded = _instants(raw, data.recorded_at, "data.recorded_at", data, required=True)
        latest = max(latest, int(recorded.max(initial=LONG_AGO)))
        raw = raw.keep(recorded <= now)
    if not len(raw):
        return Seen(raw, latest)
    raw.column(data.label.column, "data.label.column")
    if data.label.known_at is not None:
        raw, known = _instants(raw, data.label.known_at, "data.label.known_at", data, required=False)
        latest = max(latest, int(known[known != NEVER].max(initial=LONG_AGO)))
        for name in (data.label.column, data.label.known_at):
            raw = raw.blank(name, known > now)
    return Seen(raw, latest)


def refuse_astray(rows: Timed, interval: Interval, data: Data, as_of: datetime) -> int:
    """Raise DataError when a visible row has its event outside of ``interval``.

    Return the latest instant of the invisible ones, LONG_AGO without any.
    """
    astray = see(rows.keep(~rows.within(interval)), data, as_of)
    if not len(astray.raw):
        return astray.latest
    event = astray.raw.columns[str(data.event_time)][0].as_py()
    raise DataError(
        f"{astray.raw.where(0)}: event time {event:%Y-%m-%dT%H:%M:%S}Z is outside of {interval}, as in "
        f"{len(astray.raw)} visible rows. A file or query must hold its own interval's rows (UTC); "
        "where days are cut in another zone, write * instead of {date} in data.source.path"
    )


def _instants(raw: Raw, name: str, meaning: str, data: Data, *, required: bool) -> tuple[Raw, Integers]:
    """Return the rows with column ``name`` in UTC, and its instants; a missing one is NEVER."""
    times = to_utc(raw.column(name, meaning), name, data.timezone, raw)
    if required and times.null_count:
        row = int(np.flatnonzero(times.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(f"{raw.where(row)}: column {name!r} is empty; as {meaning} it must not be")
    return raw.put(name, times), times.cast(pa.int64()).fill_null(NEVER).to_numpy()
