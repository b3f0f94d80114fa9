"""Windows: the stretches of time that a run at ``as_of`` trains and judges on, and the intervals they touch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airloop import clock

if TYPE_CHECKING:
    from airloop.spec.model import Data

STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@dataclass(frozen=True)
class Interval:
    """Event times in ``[start, end)``, UTC; both None where rows have no time."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, other: Interval) -> bool:
        """Return whether ``other`` lies within."""
        if self.start is None or self.end is None:
            return True
        return other.start is not None and other.end is not None and self.start <= other.start <= other.end <= self.end

    def __str__(self) -> str:
        """Return the interval for people."""
        return f"[{clock.iso(self.start)}, {clock.iso(self.end)})" if self.start and self.end else "all time"


def overlap(one: Interval, other: Interval) -> bool:
    """Return whether the two have an instant in common; all time overlaps everything."""
    if one.start is None or one.end is None or other.start is None or other.end is None:
        return True
    return one.start < other.end and other.start < one.end


@dataclass(frozen=True)
class Windows:
    """Training rows lie in ``[train_start, holdout_start)``, holdout rows in ``[holdout_start, as_of)``."""

    train_start: datetime | None
    holdout_start: datetime | None
    as_of: datetime
    intervals: tuple[Interval, ...]
    """The partitions' intervals that the windows touch, oldest first."""

    @classmethod
    def of(cls, data: Data, as_of: datetime) -> Windows:
        """Return the windows at ``as_of``. Their bounds need not be bounds of partitions."""
        as_of = clock.in_utc(as_of)
        if data.partition == "none":
            return cls(None, None, as_of, (Interval(),))
        holdout_start = as_of - data.holdout_window
        train_start = holdout_start - data.train_window
        step = STEPS[data.partition]
        start = clock.floor(train_start, step)
        count = -((start - as_of) // step)
        intervals = tuple(Interval(start + step * i, start + step * (i + 1)) for i in range(count))
        return cls(train_start, holdout_start, as_of, intervals)

    @property
    def parts(self) -> dict[str, Interval]:
        """The training and the holdout window by name; empty where rows have no time."""
        if self.train_start is None:
            return {}
        return {
            "train": Interval(self.train_start, self.holdout_start),
            "holdout": Interval(self.holdout_start, self.as_of),
        }


def micros(instant: datetime) -> int:
    """Return microseconds since 1970 UTC."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
