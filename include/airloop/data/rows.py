"""Rows for training and rows held out: by time, or by a seeded split where rows have none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from airloop import digest
from airloop.data.read import read_partition
from airloop.data.windows import Interval, overlap

if TYPE_CHECKING:
    from airloop.data.snapshot import Partition, Snapshot
    from airloop.spec import Spec
    from airloop.workspace import Workspace

Part = Literal["train", "holdout"]
Parts = np.ndarray[Any, np.dtype[np.str_]]
Positions = np.ndarray[Any, np.dtype[np.int64]]


def part_of(spec: Spec, snapshot: Snapshot, frame: pd.DataFrame) -> Parts:
    """Return "train", "holdout" or "outside" for each row of a partition, shape (n,).

    With time the snapshot's windows decide. Without, a hash of the row's key (without a key: of all its columns but
    label and what tells when it was known) does, seeded by the pipeline's name: neither other rows, nor their order,
    nor a new label moves a row to the other part, and equal rows are in the same one.
    """
    if snapshot.train_start is None or snapshot.holdout_start is None:
        return np.where(_share(spec, frame) < spec.data.holdout_share, "holdout", "train")
    times = frame[str(spec.data.event_time)]
    train = (times >= snapshot.train_start) & (times < snapshot.holdout_start)
    holdout = (times >= snapshot.holdout_start) & (times < snapshot.as_of)
    return np.select([train.to_numpy(), holdout.to_numpy()], ["train", "holdout"], "outside")


def iter_part(
    workspace: Workspace, spec: Spec, snapshot: Snapshot, part: Part, excluded: Mapping[str, Positions]
) -> Iterator[tuple[Partition, pd.DataFrame]]:
    """Yield each partition with its labelled rows of ``part``, oldest first; one partition is in memory at a time.

    Columns have the snapshot's types. The index keeps the rows' positions in the partition. ``excluded`` maps a
    partition's digest to row positions that are left out. Partitions without such a row are not yielded.
    """
    window = _window(snapshot, part)
    for partition in snapshot.partitions:
        if not partition.labelled or not overlap(partition.interval, window):
            continue
        frame = read_partition(workspace, partition, snapshot.columns)
        wanted = frame[spec.data.label.column].notna().to_numpy() & (part_of(spec, snapshot, frame) == part)
        wanted[excluded.get(partition.digest, np.empty(0, dtype=np.int64))] = False
        if wanted.any():
            yield partition, _without_missing_labels(frame[wanted], spec.data.label.column)


def _window(snapshot: Snapshot, part: Part) -> Interval:
    if part == "train":
        return Interval(snapshot.train_start, snapshot.holdout_start)
    return Interval(snapshot.holdout_start, snapshot.as_of if snapshot.holdout_start else None)


def _without_missing_labels(frame: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return the frame with its label in the plain type that it has once none is missing."""
    if frame[label].dtype == "boolean":
        return frame.astype({label: bool})
    return frame


def _share(spec: Spec, frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a number in [0, 1) for each row, evenly spread and fixed by the row's content."""
    data = spec.data
    unused = {data.label.column, data.label.known_at, data.recorded_at}
    names = list(data.key) or sorted(name for name in frame.columns if name not in unused)
    hashes = np.full(len(frame), _number(spec.name))
    for name in names:
        column = frame[name]
        values = pd.util.hash_pandas_object(_comparable(column), index=False).to_numpy().astype(np.uint64)
        # A missing value adds nothing, so that a column without any, whatever its type, is like no column.
        hashes = np.where(column.isna(), hashes, _mixed(hashes ^ _mixed(values ^ _number(name))))
    shares: np.ndarray[Any, np.dtype[np.float64]] = hashes / 2.0**64
    return shares


def _number(name: str) -> np.uint64:
    return np.uint64(int(digest.of_value(name)[:16], 16))


def _comparable(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers as float64: a hash must not change when a column gets its first missing or fractional value."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return column.astype("Float64").astype("float64")
    return column if pd.api.types.is_datetime64_any_dtype(column) else column.astype(object)


def _mixed(values: np.ndarray[Any, np.dtype[np.uint64]]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Spread the bits of 64-bit numbers evenly (the finaliser of SplitMix64; Steele, Lea & Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
