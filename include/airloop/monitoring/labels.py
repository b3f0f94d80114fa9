"""Labels join the predictions that they answer, by ``data.key``, as they were known at an instant.

| labels | what happens |
| --- | --- |
| late | one that becomes known after ``known_until`` does not exist for the window and changes no byte of it |
| partial | rows without a label are left out; those labelled late may differ, so ``min_share`` asks for most of them |
| corrected | the version recorded by ``known_until`` counts (``data.recorded_at``); a later correction is invisible |
| duplicate | equal rows of the source are one; rows that differ under one key make the source broken (DataError) |
| never | the window is INCONCLUSIVE once ``monitor.labels.wait`` has passed, and says how many are missing |
| null | not known |
| without a prediction | not looked at: nobody asked |
| for a key with a missing part | none: which row the prediction was for cannot be told |
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from airloop import data
from airloop.data.windows import STEPS
from airloop.errors import DataError, SpecError, nearest
from airloop.monitoring import log

if TYPE_CHECKING:
    import pyarrow as pa

    from airloop.monitoring.window import Window
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

LABEL = "label"
KNOWN_AT = "known_at"


def known(
    workspace: Workspace, pipeline: Pipeline, window: Window, known_until: datetime, extra: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Return the labels of the window's rows in the source that were known by ``known_until``, one a key.

    Columns: those of ``data.key``, ``label``, ``known_at`` (NaT where the spec has no such column: then it was known at
    the event) and ``extra`` ones of the source. Raises DataError where the source cannot be used, SourceChanged and
    Unreachable like ``data.take``, and SpecError for an extra column that is nowhere.
    """
    spec = pipeline.spec
    start, end = window.start, window.end
    if log.instant_column(spec) == "answered_at" and spec.data.partition != "none":
        # An answer near a bound of the window may be for an event on its other side.
        start, end = start - STEPS[spec.data.partition], end + STEPS[spec.data.partition]
    partitions = data.observe(workspace, pipeline, start, end, known_until)
    types = data.columns_of(workspace, pipeline, partitions)
    wanted = [name for name in (*spec.data.key, spec.data.label.column, spec.data.label.known_at, *extra) if name]
    absent = [name for name in extra if partitions and name not in types]
    if absent:
        raise SpecError(f"pipeline {spec.name}: column {absent[0]!r} is not in the data.{nearest(absent[0], types)}")
    frames = [
        data.read_partition(workspace, partition, {name: types[name] for name in dict.fromkeys(wanted)})
        for partition in partitions
        if partition.labelled
    ]
    if not frames:
        return pd.DataFrame(columns=[*spec.data.key, LABEL, KNOWN_AT, *extra])
    frame = pd.concat(frames, ignore_index=True)
    found = frame[[*spec.data.key, *extra]].copy()
    found[LABEL] = frame[spec.data.label.column]
    found[KNOWN_AT] = frame[spec.data.label.known_at] if spec.data.label.known_at else pd.NaT
    return _one_a_key(found.dropna(subset=[*spec.data.key, LABEL]), spec.data.key)


def join(pipeline: Pipeline, rows: pa.Table, labels: pd.DataFrame | None, extra: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return ``label``, ``known_at`` and ``extra`` of every row of the log, in their order; missing where not known.

    Raises DataError where a key's column has another kind in the log than in the source.
    """
    key = list(pipeline.spec.data.key)
    columns = [LABEL, KNOWN_AT, *extra]
    if labels is None or labels.empty:
        return pd.DataFrame(np.nan, index=range(rows.num_rows), columns=columns, dtype=object)
    asked = log.as_frame(rows.select(list(log.key_columns(pipeline.spec)))).set_axis(key, axis=1)
    for name in key:
        if asked[name].dtype == labels[name].dtype:
            continue
        if not all(pd.api.types.is_numeric_dtype(side[name]) for side in (asked, labels)):
            raise DataError(
                f"{pipeline.name}: column {name!r} of data.key is {asked[name].dtype} in the prediction log and "
                f"{labels[name].dtype} in the source, so labels cannot be joined"
            )
        asked[name], labels = asked[name].astype("float64"), labels.astype({name: "float64"})
    joined = asked.merge(labels, how="left", on=key, validate="many_to_one")
    return joined[columns]


def _one_a_key(labels: pd.DataFrame, key: tuple[str, ...]) -> pd.DataFrame:
    labels = labels.drop_duplicates(ignore_index=True)
    twice = labels[labels.duplicated(list(key), keep=False)]
    if len(twice):
        named = ", ".join(f"{name}={twice.iloc[0][name]!s}" for name in key)
        raise DataError(
            f"{len(twice):,} rows in different partitions share a data.key and differ ({named}); "
            "name columns in data.key that tell them apart, for example data.event_time"
        )
    return labels
