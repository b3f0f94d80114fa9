"""Are the server's shortcuts equal to the native way? Asked on golden rows, on mixtures of them, and on random ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from airloop import trainers
from airloop.bundle import Bundle
from airloop.errors import AirloopError
from airloop.scoring import MODEL_FOLDER
from airloop.serving import proof
from airloop.serving.forest import Forest
from airloop.serving.links import Unsupported
from airloop.serving.predictor import matrix_maker, open_forest

Array = np.ndarray[Any, Any]

MIXED_ROWS = 500
"""Rows whose columns are drawn from golden rows one by one, for feature code."""
RANDOM_ROWS = 2_000
"""Rows drawn from the trees' own bounds, for the forest: where a comparison is nearest to going wrong."""
SEED = 20130318


def prove(bundle: Bundle) -> proof.Proof:
    """Compare each shortcut with the native way. Raises AirloopError when the native way itself fails."""
    random = np.random.default_rng(SEED)
    columns = [_mixed(random, values) for values in bundle.golden.columns(bundle.schema)]
    native = matrix_maker(bundle.folder, bundle.schema, arrays=False)(columns)
    arrays, why_not_arrays = _arrays_are_equal(bundle, columns, native)
    largest, why_not_forest = _forest_difference(bundle, native, random)
    return proof.Proof(
        arrays=arrays,
        forest=not why_not_forest,
        rows=len(native) + RANDOM_ROWS,
        largest_difference=largest if np.isfinite(largest) else 0.0,
        reason="; ".join(filter(None, (why_not_arrays, why_not_forest))),
    )


def _mixed(random: np.random.Generator, values: list[Any]) -> list[Any]:
    """Return the golden values as they are, followed by draws from them."""
    drawn = random.integers(0, len(values), MIXED_ROWS)
    return values + [values[place] for place in drawn]


def _arrays_are_equal(bundle: Bundle, columns: list[list[Any]], native: Array) -> tuple[bool, str]:
    try:
        maker = matrix_maker(bundle.folder, bundle.schema, arrays=True)
        together = maker(columns)
        rows = range(bundle.golden.rows)
        alone = np.concatenate([maker([[column[row]] for column in columns]) for row in rows])
    except AirloopError as error:
        return False, f"features on arrays: {error}"
    for found in (together, alone):
        wanted = native[: len(found)]
        if not np.array_equal(found, wanted, equal_nan=True):
            row, number = (int(place) for place in np.argwhere(~_same(found, wanted))[0])
            feature = bundle.schema.features[number].name
            shown = f"{found[row, number]} instead of {wanted[row, number]}"
            return False, f"features on arrays: {feature!r} is {shown} in row {row}"
    return True, ""


def _forest_difference(bundle: Bundle, native: Array, random: np.random.Generator) -> tuple[float, str]:
    try:
        forest = open_forest(bundle.folder)
    except Unsupported as error:
        return 0.0, f"forest: {error}"
    matrix = np.concatenate([native, _near_bounds(forest, bundle, random)])
    truth = trainers.load(bundle.folder / MODEL_FOLDER).predict(matrix)
    together = forest.predict(matrix).astype(np.float64)
    alone = np.concatenate([forest.predict(matrix[row : row + 1]) for row in range(len(matrix))]).astype(np.float64)
    largest = max(proof.difference(truth, together), proof.difference(truth, alone))
    if largest > proof.TOLERANCE:
        return largest, f"forest: answers differ by {largest:g}, more than {proof.TOLERANCE:g}"
    return largest, ""


def _near_bounds(forest: Forest, bundle: Bundle, random: np.random.Generator) -> Array:
    """Return float32 (RANDOM_ROWS, features): bounds of splits and their neighbours, any category, missing values."""
    matrix = np.empty((RANDOM_ROWS, len(bundle.schema.features)), np.float32)
    for number, feature in enumerate(bundle.schema.features):
        if feature.categories is not None:
            matrix[:, number] = random.integers(0, max(1, len(feature.categories)), RANDOM_ROWS)
            continue
        bounds = forest.bounds(number)
        picked = random.choice(bounds, RANDOM_ROWS) if bounds.size else random.normal(size=RANDOM_ROWS)
        towards = random.choice(np.array([-np.inf, np.inf], np.float32), RANDOM_ROWS)
        nudged = random.random(RANDOM_ROWS) < 0.5
        matrix[:, number] = np.where(nudged, np.nextafter(picked.astype(np.float32), towards), picked)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    return matrix


def _same(one: Array, other: Array) -> Array:
    same: Array = (one == other) | (np.isnan(one) & np.isnan(other))
    return same
