"""Look at a stretch of the source as it was known at an instant: what monitoring joins to predictions.

Unlike ``take`` it cuts no training or holdout window and asks for no label: a stretch without rows is an empty list.
Partitions are the very same ones that a snapshot at that instant has, so either finds what the other made.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airloop import clock
from airloop.data.partitions import KIND, ROWS, Maker
from airloop.data.read import read_events
from airloop.data.schema_change import common_columns
from airloop.data.snapshot import Partition
from airloop.data.sources import open_source
from airloop.data.take import AT_ONCE
from airloop.data.windows import STEPS, Interval

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.spec.model import Data
    from airloop.workspace import Workspace


def observe(
    workspace: Workspace, pipeline: Pipeline, window_start: datetime, window_end: datetime, known_until: datetime
) -> list[Partition]:
    """Return the partitions that the stretch ``[window_start, window_end)`` touches, oldest first, empty ones left out.

    They hold what was known by ``known_until``: a later event, version or label changes no byte of them. Their bounds
    need not be those of the stretch. Where rows have no time, there is one partition with all of them. Raises
    DataError, SourceChanged and Unreachable like ``take``.
    """
    data = pipeline.spec.data
    intervals = _touched(data, clock.in_utc(window_start), clock.in_utc(window_end))
    with closing(open_source(workspace, pipeline)) as source, ThreadPoolExecutor(AT_ONCE) as pool:
        maker = Maker(workspace.store, source, data, clock.in_utc(known_until))
        spans = pool.map(lambda span: list(maker.of_span(span)), source.spans(intervals))
        return [
            Partition(
                digest=made.digest, start=interval.start, end=interval.end, rows=made.rows, labelled=made.labelled
            )
            for pairs in spans
            for interval, made in pairs
            if made.rows
        ]


def columns_of(workspace: Workspace, pipeline: Pipeline, partitions: Sequence[Partition]) -> dict[str, str]:
    """Return column → Arrow type for all of ``partitions``, as a snapshot of them would have it.

    Raises DataError where a column that the model needs vanished, or changed its type, from one to the next.
    """
    import pyarrow.parquet as pq

    found = []
    for partition in partitions:
        schema = pq.read_schema(workspace.store.folder(KIND, partition.digest) / ROWS)
        found.append((partition.interval, {field.name: str(field.type) for field in schema}))
    return common_columns(pipeline.spec, found)


def newest(workspace: Workspace, pipeline: Pipeline, since: datetime, known_until: datetime) -> datetime | None:
    """Return the instant (UTC) of the source's newest row in ``[since, known_until)`` as known by ``known_until``.

    None where there is no such row, and where rows have no time. Only as much is read as is needed to find it. Raises
    like ``observe``.
    """
    data = pipeline.spec.data
    since, known_until = clock.in_utc(since), clock.in_utc(known_until)
    if data.event_time is None:
        return None
    for interval in reversed(_touched(data, since, known_until)):
        if interval.start is None or interval.end is None:
            continue
        events = [
            event
            for partition in observe(workspace, pipeline, interval.start, interval.end, known_until)
            for event in read_events(workspace, partition, data)
        ]
        if events:
            found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=max(events))
            return found if found >= since else None
    return None


def _touched(data: Data, start: datetime, end: datetime) -> list[Interval]:
    if data.partition == "none":
        return [Interval()]
    step = STEPS[data.partition]
    first = clock.floor(start, step)
    count = max(0, -((first - end) // step))
    return [Interval(first + step * number, first + step * (number + 1)) for number in range(count)]
