"""Features to the model's matrix: one place for training, judging and serving. Imports no pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from airloop.errors import DataError, FeatureError, nearest
from airloop.features.schema import Feature, Schema

if TYPE_CHECKING:
    import pandas as pd

Matrix = np.ndarray[Any, np.dtype[np.float32]]
Vector = np.ndarray[Any, np.dtype[np.float64]]


def encode(
    schema: Schema,
    features: pd.DataFrame | Mapping[str, np.ndarray[Any, Any]],
    unknown: Literal["missing", "refuse"] | None = None,
) -> Matrix:
    """Return the features as a C-contiguous float32 matrix of shape (rows, len(schema.features)).

    A frame and a dict of arrays of shape (rows,) with the same values give the same bytes. Numbers pass through
    float64, booleans become 0 and 1, a category its index, anything missing NaN. ``unknown`` overrides
    ``schema.unknown_category``. Raises FeatureError for a feature that is absent, of another kind, or infinite in
    float32, and DataError listing unknown categories where they are refused.
    """
    refuse = (unknown or schema.unknown_category) == "refuse"
    matrix: Matrix | None = None
    for number, feature in enumerate(schema.features):
        column = _column(features, feature)
        values = _numbers(column, feature) if feature.categories is None else _codes(column, feature, refuse)
        if matrix is None:
            matrix = np.empty((len(values), len(schema.features)), dtype=np.float32)
        with np.errstate(over="ignore"):  # What overflows becomes infinite and is reported below.
            matrix[:, number] = values
    if matrix is None:
        raise FeatureError("the schema has no features")
    _check_finite(schema, features, matrix)
    return matrix


def _column(features: Any, feature: Feature) -> Any:
    try:
        return features[feature.name]
    except KeyError:
        known = [str(name) for name in features]
        raise FeatureError(
            f"feature {feature.name!r} is missing.{nearest(feature.name, known)} "
            "Feature code must return the same columns for any rows"
        ) from None


def _numbers(column: Any, feature: Feature) -> Vector:
    if getattr(column.dtype, "kind", "O") in "mM":
        raise FeatureError(f"feature {feature.name!r} is a time; turn it into a number, for example hours")
    try:
        if isinstance(column, np.ndarray):
            return column.astype(np.float64)
        return column.to_numpy(dtype=np.float64, na_value=np.nan)  # type: ignore[no-any-return]  # a pandas Series
    except (TypeError, ValueError) as error:
        raise FeatureError(f"feature {feature.name!r} was a number in training and is not now: {error}") from None


def _codes(column: Any, feature: Feature, refuse: bool) -> Vector:
    index = {category: float(code) for code, category in enumerate(feature.categories or ())}
    if isinstance(column, np.ndarray):
        places, values = None, column.tolist()
    else:
        # Each distinct value is looked up once; place -1 stands for missing.
        places, distinct = column.factorize()
        values = distinct.astype(object).tolist()
    codes = np.array([np.nan if is_missing(value) else index.get(str(value), -1.0) for value in values], np.float64)
    if refuse and (codes < 0).any():
        unknown = sorted({str(value) for value, code in zip(values, codes, strict=True) if code < 0})
        raise DataError(
            f"feature {feature.name!r} has categories never seen in training: {', '.join(map(repr, unknown[:10]))}."
            f"{nearest(unknown[0], (feature.categories or ())[:50])}"
        )
    codes[codes < 0] = np.nan
    return codes if places is None else np.append(codes, np.nan)[places]


def is_missing(value: object) -> bool:
    """Return whether a cell is None, NaN, NaT or pandas' NA."""
    return value is None or value != value or type(value).__name__ in ("NAType", "NaTType")


def _check_finite(schema: Schema, features: Any, matrix: Matrix) -> None:
    infinite = np.isinf(matrix)
    if infinite.any():
        row, number = (int(place) for place in np.argwhere(infinite)[0])
        name = schema.features[number].name
        value = np.asarray(features[name])[row]
        raise FeatureError(
            f"feature {name!r} is {value} in row {row}: infinite, or too large for float32. "
            "Return a missing value instead"
        )
