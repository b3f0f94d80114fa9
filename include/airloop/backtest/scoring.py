"""How good models would have been on the interval that followed: rows that none of them could have seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

import airloop
from airloop import clock, data, digest
from airloop.errors import BundleError, DataError, FeatureError
from airloop.features.labels import encode_label
from airloop.scoring import Scorer
from airloop.spec.metrics import metrics_of
from airloop.statistics.blocks import Blocks, blocks_of
from airloop.statistics.bounds import interval
from airloop.statistics.metrics import Array, OneClass, score
from airloop.statistics.resampling import leave_one_out

if TYPE_CHECKING:
    import pandas as pd

    from airloop.backtest.plan import Tick
    from airloop.data import Partition
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

KIND = "walks"
_FILE = "scores.json"


class Score(msgspec.Struct, frozen=True):
    """A metric of one model on one interval."""

    value: float
    lower: float | None = None
    """Of the two-sided 95 % interval over other days; None where it does not exist."""
    upper: float | None = None
    without: tuple[float, ...] = ()
    """The metric without the interval's first day, without its second, …; empty where there are too few."""


class Scored(msgspec.Struct, frozen=True):
    """What is known about an interval; ``problem`` says why nothing is."""

    rows: int = 0
    """Rows of the interval that count: those with a label known in time, of a class that all the models know."""
    seen: int = 0
    """All its rows."""
    scores: dict[str, dict[str, Score]] = {}
    """Digest of the model → metric → score. A metric that these rows do not allow is absent."""
    problem: str = ""


def measure(workspace: Workspace, pipeline: Pipeline, tick: Tick, models: Sequence[str]) -> Scored:
    """Return every metric of the task for ``models`` (digests) on the labelled rows after ``tick``.

    A row counts when its event lies in ``[as_of, until)`` and its label was known by ``known_until``. Nothing is set
    aside: a live model answers every row, also those that validation would quarantine. Kept in the store.
    """
    try:
        partitions = data.observe(workspace, pipeline, tick.as_of, tick.until, tick.known_until)
        name = _name(pipeline, tick, sorted(models), partitions)
        if not workspace.store.has(KIND, name):
            scored = _score(workspace, pipeline, tick, sorted(models), partitions)
            with workspace.store.writing(KIND, name) as folder:
                (folder / _FILE).write_bytes(msgspec.json.encode(scored))
    except (DataError, FeatureError, BundleError) as error:
        if error.retryable:
            raise
        return Scored(problem=str(error))
    return msgspec.json.decode((workspace.store.folder(KIND, name) / _FILE).read_bytes(), type=Scored)


def _name(pipeline: Pipeline, tick: Tick, models: list[str], partitions: Sequence[Partition]) -> str:
    return digest.of_value(
        {
            "pipeline": pipeline.name,
            "models": models,
            "interval": [clock.iso(tick.as_of), clock.iso(tick.until)],
            "partitions": [partition.digest for partition in partitions],
            "airloop": airloop.__version__,
        }
    )


def _score(
    workspace: Workspace, pipeline: Pipeline, tick: Tick, models: list[str], partitions: Sequence[Partition]
) -> Scored:
    spec = pipeline.spec
    rows = _rows(workspace, pipeline, tick.as_of, tick.until, partitions)
    if rows is None or not len(rows):
        return Scored(problem="no rows in the interval")
    scorers = {model: _open(workspace, pipeline, model) for model in models}
    truths = {model: encode_label(scorer.schema, rows[spec.data.label.column]) for model, scorer in scorers.items()}
    known = np.logical_and.reduce([np.isfinite(truth) for truth in truths.values()])
    if not known.any():
        return Scored(
            seen=len(rows), problem=f"none of {len(rows):,} rows had a label by {clock.told(tick.known_until)}"
        )
    kept = rows[known].reset_index(drop=True)
    blocks = blocks_of(kept[str(spec.data.event_time)].dt.tz_localize(None).to_numpy(dtype="datetime64[us]"))
    scores = {
        model: _metrics(metrics_of(spec.model.task), truths[model][known], _predict(scorer, kept), blocks)
        for model, scorer in scorers.items()
    }
    return Scored(int(known.sum()), len(rows), scores)


def _rows(
    workspace: Workspace, pipeline: Pipeline, start: datetime, end: datetime, partitions: Sequence[Partition]
) -> pd.DataFrame | None:
    import pandas as pd

    if not partitions:
        return None
    columns = data.columns_of(workspace, pipeline, partitions)
    frame = pd.concat([data.read_partition(workspace, one, columns) for one in partitions], ignore_index=True)
    times = frame[str(pipeline.spec.data.event_time)]
    return frame[(times >= start) & (times < end)].reset_index(drop=True)


def _open(workspace: Workspace, pipeline: Pipeline, model: str) -> Scorer:
    return Scorer.open(workspace.store.folder("models", model), threads=pipeline.spec.model.threads)


def _predict(scorer: Scorer, rows: pd.DataFrame) -> Array:
    inputs = [column.name for column in scorer.schema.inputs]
    absent = [name for name in inputs if name not in rows.columns]
    if absent:
        raise FeatureError(f"the rows have no column {', '.join(map(repr, absent))}, which a model needs")
    return scorer.predict(rows[inputs], unknown="missing")


def _metrics(names: Sequence[str], truth: Array, predictions: Array, blocks: Blocks | None) -> dict[str, Score]:
    found = {}
    for name in names:
        try:
            found[name] = _one(name, truth, predictions, blocks)
        except OneClass:
            continue
    return found


def _one(name: str, truth: Array, predictions: Array, blocks: Blocks | None) -> Score:
    band = interval(name, truth, predictions, blocks)
    without: list[Any] = leave_one_out(name, truth, [predictions], blocks.of_row)[:, 0].tolist() if blocks else []
    lower, upper = band or (None, None)
    return Score(score(name, truth, predictions), lower, upper, tuple(without) if np.isfinite(without).all() else ())
