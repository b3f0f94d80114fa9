"""How often a pipeline's windows are looked at: each look is a chance of a false alarm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from airloop import clock

if TYPE_CHECKING:
    from airloop.spec.model import Monitor

MONTH = timedelta(days=30)
_DAY = timedelta(days=1)
_SOME_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def looks_in_30_days(monitor: Monitor) -> float:
    """Return how many different windows 30 days of scheduled runs look at; by window length where nothing is scheduled.

    Windows end on full days (hours, where shorter), so runs within one look at the same window.
    """
    if monitor.schedule is None:
        return MONTH / monitor.window
    step = _DAY if monitor.window >= _DAY else timedelta(hours=1)
    return min(_runs_in_30_days(monitor.schedule), MONTH / step)


def _runs_in_30_days(schedule: str) -> float:
    # Over 12 weeks, so that weekly and monthly schedules come out in between.
    end, most = _SOME_MONDAY + timedelta(weeks=12), 12 * 7 * 24
    seen = takewhile(lambda tick: tick < end, clock.ticks(schedule, _SOME_MONDAY))
    runs = sum(1 for _ in islice(seen, most))
    return max(1.0, runs * (MONTH / timedelta(weeks=12)))
