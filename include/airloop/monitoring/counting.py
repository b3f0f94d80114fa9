"""When a window had enough labels: the first instant of a fixed grid, found the same whenever it is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from airloop.data.windows import micros
from airloop.monitoring import log
from airloop.monitoring.arrivals import enough
from airloop.monitoring.labels import KNOWN_AT, LABEL, join, known
from airloop.monitoring.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

    from airloop.refs import PredictionsArrived
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace


def first_enough(
    workspace: Workspace, pipeline: Pipeline, predictions: PredictionsArrived, instants: Sequence[datetime]
) -> tuple[datetime, int, int]:
    """Return the first of ``instants`` (rising) with enough labels, else the last, and its labels and predictions.

    Where rows are never corrected (no ``data.recorded_at``), one look at the last instant tells about all before it:
    ``label.known_at`` says when each label became known. Corrections hide what they replaced, so with them every
    instant is looked at in turn. Raises like ``labels.known``.
    """
    window = Window(predictions.start, predictions.end)
    rows = log.read(workspace, pipeline, window, ()).table
    needed = enough(pipeline.spec.monitor.labels, rows.num_rows)
    if pipeline.spec.data.recorded_at is None:
        counts = _counts(workspace, pipeline, rows, window, instants)
        place = int(np.argmax(counts >= needed)) if (counts >= needed).any() else len(instants) - 1
        return instants[place], int(counts[place]), rows.num_rows
    labelled = 0
    for instant in instants:
        joined = join(pipeline, rows, known(workspace, pipeline, window, instant))
        labelled = int(joined[LABEL].notna().sum())
        if labelled >= needed:
            return instant, labelled, rows.num_rows
    return instants[-1], labelled, rows.num_rows


def _counts(
    workspace: Workspace, pipeline: Pipeline, rows: pa.Table, window: Window, instants: Sequence[datetime]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return how many rows had a label by each instant, shape (len(instants),)."""
    joined = join(pipeline, rows, known(workspace, pipeline, window, instants[-1]))
    labelled = joined[joined[LABEL].notna()]
    if pipeline.spec.data.label.known_at is None:
        return np.full(len(instants), len(labelled))
    when = np.sort(labelled[KNOWN_AT].to_numpy("datetime64[us]").astype(np.int64))
    return np.searchsorted(when, [micros(instant) for instant in instants], side="right")
