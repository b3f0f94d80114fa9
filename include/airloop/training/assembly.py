"""From a snapshot's partitions to encoded rows, one partition in memory at a time."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop.data.rows import iter_part
from airloop.errors import FeatureError, TrainingError
from airloop.features.code import FeatureCode
from airloop.features.encode import encode
from airloop.features.inputs import input_columns
from airloop.features.schema import Schema
from airloop.trainers.protocol import Rows, TrainingData
from airloop.training.cache import FeatureCache
from airloop.training.split import Mask, drawn_rows, latest_rows
from airloop.training.survey import Sample, Survey, interval

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot
    from airloop.spec import Spec
    from airloop.validation import Validation
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)


def assemble(
    workspace: Workspace, spec: Spec, code: FeatureCode, snapshot: Snapshot, validation: Validation, scratch: Path
) -> tuple[Schema, TrainingData]:
    """Return the schema and the encoded training rows, split into rows to fit and later rows to watch.

    Two passes: the first learns schema, times and labels, the second encodes. Above ``model.external_memory_above``
    rows, and with several workers, the arrays lie in files in ``scratch``. Raises TrainingError and FeatureError for
    rows that no model can be fitted from.
    """
    excluded = validation.excluded_positions()
    inputs = {name: snapshot.columns[name] for name in input_columns(spec, snapshot.columns)}
    cache = FeatureCache(workspace, code, inputs, excluded)
    survey = Survey(spec, snapshot, inputs)
    for partition, rows in iter_part(workspace, spec, snapshot, "train", excluded):
        survey.add(partition, rows, cache.features(partition, rows.index, rows))
    schema = survey.schema()
    if survey.sample is not None:
        check_one_at_a_time(schema, code, survey.sample)
    if code.build_function is not None:
        log.info("features of %d partitions: %d built, the others were kept", len(survey.parts), cache.built)
    return schema, _encode(spec, schema, cache, survey, scratch)


def check_one_at_a_time(schema: Schema, code: FeatureCode, sample: Sample) -> None:
    """Raise FeatureError when a row alone gets other features than among many: serving would answer differently."""
    together = encode(schema, sample.features)
    for number in range(len(sample.rows)):
        alone = encode(schema, code.build(sample.rows.iloc[[number]]))[0]
        differing = np.flatnonzero(~((alone == together[number]) | (np.isnan(alone) & np.isnan(together[number]))))
        if differing.size:
            place = int(differing[0])
            raise FeatureError(
                f"{code.folder / code.build_name}: feature {schema.features[place].name!r} of a row is "
                f"{together[number, place]:g} among many rows and {alone[place]:g} alone. "
                "Features must look at their own row only, or the server would answer differently"
            )


def _encode(spec: Spec, schema: Schema, cache: FeatureCache, survey: Survey, scratch: Path) -> TrainingData:
    labels = survey.labels(schema)
    hashes = np.concatenate([part.hashes for part in survey.parts])
    watched = _watched(spec, survey, hashes)
    _check_classes(spec, schema, labels[~watched])
    # Workers are handed their rows batch by batch, so that they need not be in memory here as well.
    is_large = len(labels) > spec.model.external_memory_above or spec.model.workers > 1
    on_disk = scratch if is_large else None
    fit = _empty("fit", int((~watched).sum()), len(schema.features), on_disk)
    watch = _empty("watch", int(watched.sum()), len(schema.features), on_disk)
    row = filled_fit = filled_watch = 0
    for part in survey.parts:
        try:
            features = part.features
            if features is None:
                features = cache.features(part.partition, part.positions)
            matrix = encode(schema, features)
        except FeatureError as error:
            raise FeatureError(f"{interval(part.partition)}: {error}") from error
        mask = watched[row : row + len(matrix)]
        row += len(matrix)
        filled_fit = _fill(fit, filled_fit, matrix[~mask])
        filled_watch = _fill(watch, filled_watch, matrix[mask])
    kept = [
        Rows(matrix, labels[mask].astype(np.float32), hashes[mask])
        for matrix, mask in ((fit, ~watched), (watch, watched))
    ]
    names = tuple(feature.name for feature in schema.features)
    categorical = tuple(feature.categories is not None for feature in schema.features)
    return TrainingData(names, categorical, len(schema.classes), kept[0], kept[1] if watched.any() else None)


def _watched(spec: Spec, survey: Survey, hashes: np.ndarray[Any, np.dtype[np.uint64]]) -> Mask:
    if spec.model.early_stopping == 0:
        return np.zeros(len(hashes), dtype=np.bool_)
    share = spec.model.early_stopping_share
    if spec.data.event_time is None:
        return drawn_rows(hashes, share, spec.model.seed)
    return latest_rows(np.concatenate([part.times for part in survey.parts]), share)


def _check_classes(spec: Spec, schema: Schema, fitted: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    absent = [name for code, name in enumerate(schema.classes) if not (fitted == code).any()]
    if absent:
        raise TrainingError(
            f"label {spec.data.label.column!r}: classes {', '.join(absent)} occur only among the later rows that early "
            f"stopping watches, none in the {len(fitted)} fitted ones. Widen data.train_window or lower "
            "model.early_stopping_share"
        )


def _empty(name: str, rows: int, columns: int, folder: Path | None) -> np.ndarray[Any, np.dtype[np.float32]]:
    if folder is None or rows == 0:
        return np.empty((rows, columns), dtype=np.float32)
    return np.memmap(folder / f"{name}.f32", dtype=np.float32, mode="w+", shape=(rows, columns))


def _fill(target: np.ndarray[Any, Any], start: int, rows: np.ndarray[Any, Any]) -> int:
    end = start + len(rows)
    target[start:end] = rows
    return end
