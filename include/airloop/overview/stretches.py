"""Days and stretches of time as one says them, and texts in one line."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from airloop import clock

LONGEST_LINE = 240
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


class Stretch(Protocol):
    """A stretch of time, ``start`` included, ``end`` not; a ``Mark`` and a ``Window`` are some."""

    @property
    def start(self) -> datetime: ...

    @property
    def end(self) -> datetime: ...


def day(instant: datetime, now: datetime) -> str:
    """Return ``22 April``, or ``22 April 2013`` for another year than ``now``'s (UTC)."""
    at = clock.in_utc(instant)
    year = "" if at.year == clock.in_utc(now).year else f" {at.year}"
    return f"{at.day} {at:%B}{year}"


def in_window(window: Stretch, now: datetime) -> str:
    """Return ``in the week of 22 April``, ``on 22 April``, ``at 06:00 on 22 April`` or ``from … to …``."""
    start, length = clock.in_utc(window.start), window.end - window.start
    if length == _WEEK:
        return f"in the week of {day(start, now)}"
    if length == _DAY:
        return f"on {day(start, now)}"
    if length == _HOUR:
        return f"at {start:%H:%M} on {day(start, now)}"
    if length < _DAY:
        return f"at {start:%H:%M} to {clock.in_utc(window.end):%H:%M} on {day(start, now)}"
    return f"from {day(start, now)} to {day(window.end, now)}"


def line(text: str) -> str:
    """Return the first line of ``text``, cut at a word where it is very long."""
    first = text.strip().split("\n", 1)[0]
    if len(first) <= LONGEST_LINE:
        return first
    return f"{first[:LONGEST_LINE].rsplit(' ', 1)[0]} …"
