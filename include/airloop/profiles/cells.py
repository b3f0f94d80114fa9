"""Cells of a pandas column or a NumPy array, as what the sketches take in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from airloop.errors import DataError

Cells = pd.Series | np.ndarray
Vector = np.ndarray[Any, np.dtype[np.float64]]


def numbers_of(name: str, cells: pd.Series[Any] | np.ndarray[Any, Any]) -> Vector:
    """Return the cells that are not missing as float64, booleans as 0 and 1. Raises DataError for other kinds."""
    column = _series(cells)
    if column.dtype.kind in "mM":
        raise DataError(f"column {name!r} is a time ({column.dtype}), not a number")
    try:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"column {name!r} is not a number: {error}") from None
    missing = np.isnan(values)
    found: Vector = values[~missing] if missing.any() else values
    return found


def category_counts(cells: pd.Series[Any] | np.ndarray[Any, Any]) -> dict[str, int]:
    """Return category → how often it occurs; a category is the text of its value, as the model's encoding has it."""
    places, distinct = _series(cells).factorize()
    occurrences = np.bincount(places[places >= 0], minlength=len(distinct)).tolist()
    counts: dict[str, int] = {}
    for value, count in zip(distinct.astype(object).tolist(), occurrences, strict=True):
        counts[str(value)] = counts.get(str(value), 0) + count
    return counts


def time_range(name: str, cells: pd.Series[Any] | np.ndarray[Any, Any]) -> tuple[int, int, int]:
    """Return the number of times, and the first and last in microseconds since 1970 UTC (0 without any).

    Times without a zone are UTC; texts are read as ISO 8601. Raises DataError for cells that are no times.
    """
    try:
        known = pd.to_datetime(_series(cells).dropna(), utc=True, format="ISO8601")
    except (TypeError, ValueError) as error:
        raise DataError(f"column {name!r} is not a time: {error}") from None
    if known.empty:
        return 0, 0, 0
    micros = known.dt.as_unit("us").astype(np.int64)
    return len(known), int(micros.min()), int(micros.max())


def _series(cells: pd.Series[Any] | np.ndarray[Any, Any]) -> pd.Series[Any]:
    return cells if isinstance(cells, pd.Series) else pd.Series(cells, copy=False)
