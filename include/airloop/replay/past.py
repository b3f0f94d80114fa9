"""The rows of a period as they were asked about: sampled, in the order of their events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airloop import clock
from airloop.replay.tally import ReplayFailed

if TYPE_CHECKING:
    import pandas as pd

    from airloop.data import Partition
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace


def check(pipeline: Pipeline, start: datetime, end: datetime) -> None:
    """Raise ReplayFailed where rows have no time, and where the period ends before it begins."""
    if pipeline.spec.data.event_time is None:
        raise ReplayFailed(f"pipeline {pipeline.name}: rows without data.event_time have no order to be sent in")
    if start >= end:
        raise ReplayFailed(f"the period begins at {clock.iso(start)} and ends at {clock.iso(end)}: it must end later")


def partitions(
    workspace: Workspace, pipeline: Pipeline, start: datetime, end: datetime, *, known_until: datetime
) -> list[Partition]:
    """Return the partitions that hold rows of ``[start, end)``, as known at ``known_until``.

    Raises ReplayFailed where there are none.
    """
    from airloop import data

    found = [one for one in data.observe(workspace, pipeline, start, end, known_until) if one.rows]
    if not found:
        raise ReplayFailed(
            f"pipeline {pipeline.name}: no rows from {clock.iso(start)} to {clock.iso(end)} in "
            f"{_source(pipeline)}{_nearest(workspace, pipeline, start)}"
        )
    return found


def days(
    workspace: Workspace, pipeline: Pipeline, found: Sequence[Partition], start: datetime, end: datetime, *,
    share: float, seed: int,
) -> Iterator[pd.DataFrame]:  # fmt: skip
    """Yield a frame per partition, sorted by event; a sample of ``share`` of its rows that depends on ``seed``.

    The index is each row's place in its partition. Which rows are in the sample does not depend on the period.
    """
    import numpy as np
    import pandas as pd

    from airloop.data import read_partition

    event_time = str(pipeline.spec.data.event_time)
    for partition in found:
        frame = read_partition(workspace, partition)
        day = int(partition.start.timestamp()) if partition.start else 0
        kept = np.random.default_rng([seed, abs(day)]).random(len(frame)) < share
        inside = (frame[event_time] >= pd.Timestamp(start)) & (frame[event_time] < pd.Timestamp(end))
        yield frame[kept & inside.to_numpy()].sort_values(event_time, kind="stable")


def _source(pipeline: Pipeline) -> str:
    source = pipeline.spec.data.source
    return str(source.path or source.sql)


def _nearest(workspace: Workspace, pipeline: Pipeline, start: datetime) -> str:
    from contextlib import closing

    from airloop.data.sources import open_source

    with closing(open_source(workspace, pipeline)) as source:
        nearest = source.nearest(start)
    return "" if nearest is None else f". The nearest rows are of {clock.iso(nearest)}"
