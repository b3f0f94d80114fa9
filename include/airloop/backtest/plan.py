"""Which ticks a backtest walks through, and the interval after each, on which the tick's models are measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airloop import clock
from airloop.errors import DataError

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

MOST = 1_000
"""Ticks of a backtest; each trains a model."""
EVERY = timedelta(days=7)
"""Between two ticks of a pipeline without a schedule."""


@dataclass(frozen=True)
class Tick:
    """A run that would have been: ``as_of``, and the interval ``[as_of, until)`` that follows it."""

    as_of: datetime
    until: datetime
    known_until: datetime
    """Labels known by then count: the interval's end and ``monitor.labels.wait``, as in monitoring at the latest."""


def plan(
    workspace: Workspace,
    pipeline: Pipeline,
    start: datetime | None = None,
    end: datetime | None = None,
    every: timedelta | None = None,
) -> list[Tick]:
    """Return the ticks in ``[start, end)``: ``every`` so often from ``start`` on, else those of the spec's schedule.

    The last interval ends at ``end``. Without bounds: from the first full windows to the end of the data, as far as the
    source's file names tell. Raises DataError where there is no tick, no time, or where the bounds are not known.
    """
    data = pipeline.spec.data
    if data.event_time is None:
        raise DataError(f"{pipeline.name}: rows have no time (data.partition: none): there is no past to walk through")
    if start is None or end is None:
        first, last = _covered(workspace, pipeline)
        start, end = start or first, end or last
    start, end = clock.in_utc(start), clock.in_utc(end)
    instants = []
    for instant in _instants(pipeline, start, every):
        if instant >= end:
            break
        instants.append(instant)
        if len(instants) > MOST:
            raise DataError(f"{pipeline.name}: more than {MOST:,} ticks until {clock.iso(end)}; take a larger --every")
    if not instants:
        raise DataError(f"{pipeline.name}: no tick between {clock.iso(start)} and {clock.iso(end)}")
    wait = pipeline.spec.monitor.labels.wait
    return [Tick(one, until, until + wait) for one, until in zip(instants, [*instants[1:], end], strict=True)]


def _instants(pipeline: Pipeline, start: datetime, every: timedelta | None) -> Iterator[datetime]:
    schedule = pipeline.spec.schedule
    if every is not None or schedule is None:
        step, instant = every or EVERY, start
        if step <= timedelta(0):
            raise DataError(f"{pipeline.name}: --every must be longer than 0")
        while True:
            yield instant
            instant += step
    yield from clock.ticks(schedule, start)


def _covered(workspace: Workspace, pipeline: Pipeline) -> tuple[datetime, datetime]:
    """Return when the first full windows end, and when the newest partition does."""
    from airloop.data.sources import open_source
    from airloop.data.windows import STEPS

    data = pipeline.spec.data
    with closing(open_source(workspace, pipeline)) as source:
        first, last = (source.nearest(datetime(year, 1, 1, tzinfo=UTC)) for year in (1, 9999))
    if first is None or last is None:
        raise DataError(f"{pipeline.name}: the source does not tell when its rows begin and end; give --from and --to")
    return first + data.train_window + data.holdout_window, last + STEPS[data.partition]
