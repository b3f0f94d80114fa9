"""When monitoring would have looked: the ticks of a spec's schedule in a past."""

from __future__ import annotations

from datetime import datetime, timedelta

from airloop import clock
from airloop.errors import SpecError
from airloop.monitoring.window import Window
from airloop.spec import Spec


def ticks(spec: Spec, start: datetime, end: datetime) -> list[datetime]:
    """Return the ticks of ``monitor.schedule`` (UTC) whose window ends in ``(start, end]``, oldest first.

    The last may lie after ``end``: a window is looked at once it is over. Raises SpecError without a schedule.
    """
    from croniter import croniter  # type: ignore[import-untyped]

    monitor = spec.monitor
    if monitor.schedule is None:
        raise SpecError(f"pipeline {spec.name}: monitor.schedule is not set, so nothing says when to look")
    found: list[datetime] = []
    runs = croniter(monitor.schedule, clock.in_utc(start) - timedelta(seconds=1))
    while Window.latest(monitor, tick := clock.in_utc(runs.get_next(datetime))).end <= end:
        if Window.latest(monitor, tick).end > start:
            found.append(tick)
    return found
