"""The labelled rows that a verdict rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from airloop.data.rows import iter_part
from airloop.errors import SpecError, nearest
from airloop.features.labels import encode_label
from airloop.spec.gates import SliceGate
from airloop.statistics.metrics import Array

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot
    from airloop.features.schema import Schema
    from airloop.spec import Pipeline
    from airloop.validation import Validation
    from airloop.workspace import Workspace


@dataclass(frozen=True)
class Holdout:
    """Labelled holdout rows that the snapshot sees, quarantined ones left out; n of them, oldest first."""

    frame: pd.DataFrame
    """All columns, index 0 to n - 1."""
    truth: Array
    """Class index or value, float64 (n,)."""
    times: Array | None
    """Event times, datetime64[us] UTC (n,); None where rows have no time."""
    quarantined: int
    """Rows of the snapshot that validation set aside, in training and holdout."""
    strangers: int
    """Rows left out because their class does not occur in training."""

    def __len__(self) -> int:
        return len(self.truth)


def load_holdout(
    workspace: Workspace, pipeline: Pipeline, snapshot: Snapshot, validation: Validation, schema: Schema
) -> Holdout:
    """Return the holdout rows with their labels encoded as ``schema`` says."""
    spec = pipeline.spec
    excluded = validation.excluded_positions()
    frames = [frame for _, frame in iter_part(workspace, spec, snapshot, "holdout", excluded)]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(snapshot.columns))
    truth = encode_label(schema, frame[spec.data.label.column]) if frames else np.empty(0)
    known = np.isfinite(truth)
    frame = frame[known].reset_index(drop=True)
    times = None
    if spec.data.event_time is not None:
        instants = pd.to_datetime(frame[spec.data.event_time], utc=True)
        times = instants.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return Holdout(frame, truth[known], times, sum(map(len, excluded.values())), int((~known).sum()))


def check_slices(pipeline: Pipeline, snapshot: Snapshot) -> None:
    """Raise SpecError where a gate slices by a column that is absent (naming the nearest) or private."""
    data = pipeline.spec.data
    for number, gate in enumerate(pipeline.spec.gates):
        if not isinstance(gate, SliceGate):
            continue
        where = f"{pipeline.folder / 'pipeline.yaml'} gates[{number}].slices: {gate.slices!r}"
        if gate.slices in data.private:
            raise SpecError(f"{where} is private (data.private): its values would stand in reports. Slice by another")
        if gate.slices not in snapshot.columns:
            known = [name for name in snapshot.columns if name not in data.private]
            raise SpecError(f"{where} is not a column of the data.{nearest(gate.slices, known)}")


def groups_of(column: pd.Series) -> tuple[list[str], Array]:
    """Return the distinct values as texts, sorted, and every row's index among them (n,); missing is one of them."""
    texts = column.astype(object).map(lambda value: "(missing)" if pd.isna(value) else str(value)).to_numpy(dtype=str)
    names, of_row = np.unique(texts, return_inverse=True)
    return names.tolist(), of_row
