"""The reference of a model: the profile of the rows it was made from, cut and compared as monitoring will do it.

Profiles are kept per partition, so the next run pays for its new partitions alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop.data.rows import Part, iter_part
from airloop.data.windows import Interval
from airloop.features.encode import encode
from airloop.features.inputs import input_columns
from airloop.features.labels import encode_label
from airloop.profiles import Profile, merge
from airloop.profiles.reference import Natural, Reference, kinds_of, prediction_columns
from airloop.training.baseline import Holdout, baseline, calibration
from airloop.training.cache import FeatureCache
from airloop.training.pieces import PieceProfiles, pieces_of
from airloop.training.stretches import natural_distances, place_of, stretches_of

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot
    from airloop.features.code import FeatureCode
    from airloop.features.schema import Schema
    from airloop.spec import Spec
    from airloop.trainers.protocol import Fitted
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Making:
    """What a reference is made from. ``excluded``: partition → positions of its quarantined rows."""

    workspace: Workspace
    spec: Spec
    snapshot: Snapshot
    excluded: Mapping[str, np.ndarray[Any, Any]]
    schema: Schema
    code: FeatureCode
    fitted: Fitted

    @cached_property
    def inputs(self) -> dict[str, str]:
        """The code's columns and the texts of their Arrow types."""
        return {name: self.snapshot.columns[name] for name in input_columns(self.spec, self.snapshot.columns)}

    @cached_property
    def stretches(self) -> tuple[Interval, ...]:
        """The snapshot, cut into windows."""
        return stretches_of(self.snapshot, self.spec.monitor.window)


def build_reference(making: Making, importance: Mapping[str, float]) -> Reference:
    """Return the reference of a model just fitted; ``importance``: feature → share of the gain.

    Its columns are of all training and holdout rows, labelled or not, but quarantined ones; private columns are left
    out. Prediction, baseline and calibration are of the labelled holdout rows, and empty where there is none. Raises
    FeatureError and DataError where holdout rows are not like training rows.
    """
    spec, snapshot = making.spec, making.snapshot
    kinds = {name: kind for name, kind in kinds_of(making.schema).items() if name not in spec.data.private}
    profiles = PieceProfiles(making.workspace, spec, making.code, making.inputs, kinds, making.excluded)
    pieces = pieces_of(snapshot, making.stretches)
    parts = [profiles.of(piece) for piece in pieces]
    log.info("profiles of %d partitions: %d made, the others were kept", len(snapshot.partitions), profiles.made)
    places = [place_of(piece.within, making.stretches) for piece in pieces]
    stretches = _stretches(parts, places, len(making.stretches))
    holdout = _answered(making, "holdout")
    has_time = snapshot.train_start is not None
    whole = merge(parts)
    natural = natural_distances(stretches, [part for part, place in zip(parts, places, strict=True) if place is None])
    moved = _natural_predictions(making, holdout)
    return Reference(
        columns=whole,
        prediction=_prediction(making.schema, holdout.predictions),
        kinds=kinds,
        importance={name: importance.get(name, 0.0) for name in kinds},
        window=spec.monitor.window if has_time else None,
        natural={method: natural[method] | moved[method] for method in natural},
        usual_rows=float(median([part.rows for part in stretches if part.rows] or [whole.rows])),
        baseline=baseline(spec.model.task, holdout),
        calibration=calibration(holdout) if spec.model.task == "binary" else None,
        train_start=snapshot.train_start,
        cut_off=snapshot.as_of,
    )


def _stretches(parts: Sequence[Profile], places: Sequence[int | None], count: int) -> list[Profile]:
    """Return the profile of each stretch that has rows, oldest first."""
    members = [[part for part, place in zip(parts, places, strict=True) if place == number] for number in range(count)]
    return [merge(found) for found in members if found]


def _answered(making: Making, part: Part) -> Holdout:
    """Return the labelled rows of ``train`` or ``holdout`` with what the released fit answers."""
    spec, labels, predictions, times = making.spec, [], [], []
    cache = FeatureCache(making.workspace, making.code, making.inputs, making.excluded)
    for partition, rows in iter_part(making.workspace, spec, making.snapshot, part, making.excluded):
        matrix = encode(making.schema, cache.features(partition, rows.index, rows), "missing")
        labels.append(encode_label(making.schema, rows[spec.data.label.column]))
        predictions.append(making.fitted.predict(matrix))
        if spec.data.event_time is not None:
            times.append(rows[spec.data.event_time].dt.tz_localize(None).to_numpy(dtype="datetime64[us]"))
    if not labels:
        width = len(prediction_columns(making.schema))
        return Holdout(np.empty(0), np.empty((0, width) if width > 1 else 0), None)
    truth = np.concatenate(labels)
    known = np.isfinite(truth)
    return Holdout(truth[known], np.concatenate(predictions)[known], np.concatenate(times)[known] if times else None)


def _prediction(schema: Schema, predictions: np.ndarray[Any, Any]) -> Profile:
    names = prediction_columns(schema)
    columns = predictions.reshape(len(predictions), len(names)).T
    return Profile.of(dict(zip(names, columns, strict=True)), dict.fromkeys(names, "number"))


def _natural_predictions(making: Making, holdout: Holdout) -> Natural:
    """Return how far the predictions of each stretch lie from those of all others.

    A holdout is often a single stretch, so training rows are looked at too. The model has seen them, and on them its
    answers differ more between stretches than on new rows: monitoring then errs on the quiet side.
    """
    train = _answered(making, "train")
    if holdout.times is None or train.times is None:
        return natural_distances([], [])
    times = np.concatenate([train.times, holdout.times])
    predictions = np.concatenate([train.predictions, holdout.predictions])
    parts, rest = [], np.ones(len(times), dtype=np.bool_)
    for stretch in making.stretches:
        low, high = (np.datetime64(edge.replace(tzinfo=None), "us") for edge in (stretch.start, stretch.end) if edge)
        chosen = (times >= low) & (times < high)
        parts.append(_prediction(making.schema, predictions[chosen]))
        rest &= ~chosen
    return natural_distances(parts, [_prediction(making.schema, predictions[rest])])
