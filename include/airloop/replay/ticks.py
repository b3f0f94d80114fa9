"""When monitoring would have looked: the ticks of a spec's schedule in a past."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile

from airloop import clock
from airloop.errors import SpecError
from airloop.monitoring.window import Window
from airloop.spec import Spec


def ticks(spec: Spec, start: datetime, end: datetime) -> list[datetime]:
    """Return the ticks of ``monitor.schedule`` (UTC) whose window ends in ``(start, end]``, oldest first.

    The last may lie after ``end``: a window is looked at once it is over. Raises SpecError without a schedule.
    """
    monitor = spec.monitor
    if monitor.schedule is None:
        raise SpecError(f"pipeline {spec.name}: monitor.schedule is not set, so nothing says when to look")
    due = takewhile(lambda tick: Window.latest(monitor, tick).end <= end, clock.ticks(monitor.schedule, start))
    return [tick for tick in due if Window.latest(monitor, tick).end > start]
