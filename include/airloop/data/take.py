"""Take a snapshot: the partitions that a run at ``as_of`` may see, made where they are not there yet."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from airloop import clock, digest
from airloop.data import holes
from airloop.data.partitions import Maker
from airloop.data.schema_change import common_columns
from airloop.data.snapshot import Partition, Snapshot
from airloop.data.sources import open_source
from airloop.data.windows import Windows

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Partitions that are read or made at the same time: most of it is waiting for disks and networks."""


def take(workspace: Workspace, pipeline: Pipeline, as_of: datetime) -> tuple[str, Snapshot]:
    """Return the digest and the snapshot of what is visible at ``as_of``; both are kept in the store.

    Raises DataError when the rows cannot be used or a window is empty, SourceChanged (retryable) when files change
    while they are read, and Unreachable (retryable) when source or store do not answer.
    """
    data = pipeline.spec.data
    windows = Windows.of(data, as_of)
    with closing(open_source(workspace, pipeline)) as source, ThreadPoolExecutor(AT_ONCE) as pool:
        maker = Maker(workspace.store, source, data, windows.as_of)
        spans = pool.map(lambda span: list(maker.of_span(span)), source.spans(windows.intervals))
        made = [pair for pairs in spans for pair in pairs]
    found = tuple(
        Partition(digest=one.digest, start=interval.start, end=interval.end, rows=one.rows, labelled=one.labelled)
        for interval, one in made
        if one.rows
    )
    snapshot = Snapshot(
        pipeline=pipeline.name,
        as_of=windows.as_of,
        train_start=windows.train_start,
        holdout_start=windows.holdout_start,
        partitions=found,
        columns=common_columns(pipeline.spec, [(interval, one.columns) for interval, one in made if one.columns]),
        missing=tuple(
            interval.start
            for interval, one in made
            if interval.start and not one.rows and holes.expected(interval, windows)
        ),
    )
    holes.check(workspace, source, data, windows, snapshot)
    value = snapshot.model_dump(mode="json")
    name = digest.of_value(value)
    workspace.store.put_json("snapshots", name, value)
    rows = sum(partition.rows for partition in found)
    log.info("snapshot %s at %s: %d partitions, %d rows", name[:12], clock.iso(as_of), len(found), rows)
    return name, snapshot


def load_snapshot(workspace: Workspace, name: str) -> Snapshot:
    """Return the snapshot with this digest. Raises FileNotFoundError when it is not in the store."""
    return Snapshot.model_validate(workspace.store.get_json("snapshots", name))
