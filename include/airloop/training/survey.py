"""The first pass over the training rows: their schema, times and labels, one partition in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from airloop import clock
from airloop.errors import FeatureError, TrainingError
from airloop.features.labels import class_name, sorted_classes
from airloop.features.profile import SchemaProfile
from airloop.features.schema import Schema
from airloop.training.split import Hashes, Integers, row_hashes

if TYPE_CHECKING:
    from airloop.data.snapshot import Partition, Snapshot
    from airloop.spec import Spec

FEWEST_ROWS = 20
"""Labelled training rows below which no model is fitted."""
_SAMPLE_ROWS = 3
_KEPT_ROWS = 250_000
"""Features of up to so many rows stay in memory between the passes; more are read again."""

Vector = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Part:
    """The training rows of a partition, all but their features; arrays have shape (rows,)."""

    partition: Partition
    positions: pd.Index[int]
    label: Vector
    """Index in the order in which classes were met, or value."""
    times: Integers
    """Event time in microseconds since 1970; zeros where rows have no time."""
    hashes: Hashes
    features: pd.DataFrame | None
    """None where there are too many rows to keep them."""


@dataclass(frozen=True)
class Sample:
    """A few rows and the features that they got among many."""

    rows: pd.DataFrame
    features: pd.DataFrame


class Survey:
    """Takes in partitions; afterwards knows what the second pass needs."""

    def __init__(self, spec: Spec, snapshot: Snapshot, inputs: Mapping[str, str]) -> None:
        data = spec.data
        later = {name for name in (data.label.column, data.label.known_at, data.recorded_at) if name}
        self._spec, self._snapshot = spec, snapshot
        self._profile = SchemaProfile(inputs, private=data.private, forbidden=later)
        self._met: dict[str, int] = {}
        self.parts: list[Part] = []
        self._rows = 0
        self.sample: Sample | None = None

    def add(self, partition: Partition, rows: pd.DataFrame, features: pd.DataFrame) -> None:
        """Take in labelled rows, indexed by their positions in ``partition``, and their features."""
        if rows.empty:
            return
        try:
            self._profile.add(rows, features)
        except FeatureError as error:
            raise FeatureError(f"{interval(partition)}: {error}") from error
        if self.sample is None:
            self.sample = Sample(rows.head(_SAMPLE_ROWS), features.head(_SAMPLE_ROWS))
        positions = rows.index.to_numpy(dtype=np.int64)
        hashes = row_hashes(partition.digest, positions)
        self._rows += len(rows)
        kept = features if self._rows <= _KEPT_ROWS else None
        self.parts.append(Part(partition, rows.index, self._label(rows), self._times(rows), hashes, kept))

    def schema(self) -> Schema:
        """Return the schema. Raises TrainingError for too few rows, or classes that do not fit the task."""
        if self._rows < FEWEST_ROWS:
            raise TrainingError(
                f"{self._rows} labelled training rows {self._where()}; at least {FEWEST_ROWS} are needed"
            )
        model = self._spec.model
        return self._profile.schema(model.task, self._classes(), model.unknown_category)

    def labels(self, schema: Schema) -> Vector:
        """Return all labels, shape (rows,), by their index in ``schema.classes``, or as values."""
        labels = np.concatenate([part.label for part in self.parts])
        if schema.task == "regression":
            return labels
        order = np.array([schema.classes.index(name) for name in self._met], dtype=np.float64)
        found: Vector = order[labels.astype(int)]
        return found

    def _label(self, rows: pd.DataFrame) -> Vector:
        column = rows[self._spec.data.label.column]
        if column.isna().any():
            raise TrainingError(f"label {column.name!r} is missing in {int(column.isna().sum())} rows {self._where()}")
        if self._spec.model.task == "regression":
            return _values(column)
        places, distinct = column.factorize()
        names = [class_name(value) for value in distinct.astype(object).tolist()]
        codes = np.array([self._met.setdefault(name, len(self._met)) for name in names], dtype=np.float64)
        found: Vector = codes[places]
        return found

    def _times(self, rows: pd.DataFrame) -> Integers:
        if self._spec.data.event_time is None:
            return np.zeros(len(rows), dtype=np.int64)
        times: Integers = rows[self._spec.data.event_time].dt.as_unit("us").to_numpy("datetime64[us]").astype(np.int64)
        return times

    def _classes(self) -> tuple[str, ...]:
        task = self._spec.model.task
        if task == "regression":
            return ()
        classes = sorted_classes(self._met)
        column = self._spec.data.label.column
        if len(classes) == 1:
            raise TrainingError(f"label {column!r} is {classes[0]!r} in all {self._rows} training rows {self._where()}")
        if task == "binary" and len(classes) > 2:
            shown = ", ".join(classes[:10])
            raise TrainingError(f"label {column!r} has {len(classes)} classes ({shown}); task 'binary' needs two")
        return classes

    def _where(self) -> str:
        start, end = self._snapshot.train_start, self._snapshot.holdout_start
        if start is None or end is None:
            return f"at as_of {clock.iso(self._snapshot.as_of)}"
        return f"between {clock.iso(start)} and {clock.iso(end)} (as_of {clock.iso(self._snapshot.as_of)})"


def interval(partition: Partition) -> str:
    """Return a partition for people."""
    return f"partition {clock.iso(partition.start)}" if partition.start else "the data"


def _values(column: pd.Series[Any]) -> Vector:
    try:
        values: Vector = column.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"label {column.name!r} is not a number, which task 'regression' needs: {error}") from None
    if not np.isfinite(values.astype(np.float32)).all():
        raise TrainingError(f"label {column.name!r} is infinite, or too large for float32")
    return values
