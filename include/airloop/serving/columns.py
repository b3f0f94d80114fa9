"""A request's values as arrays, without pandas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from airloop.bundle.frames import in_utc
from airloop.errors import DataError, nearest
from airloop.features.schema import Input, Schema

Array = np.ndarray[Any, Any]
Columns = Sequence[Sequence[Any]]


def as_arrays(schema: Schema, columns: Columns) -> dict[str, Array]:
    """Return one array (n,) per input.

    Numbers are float64 with NaN for missing; integers int64, or float64 where they may be missing; texts objects with
    None; booleans bool, or float64 where they may be missing; times ``datetime64[us]`` in UTC with NaT. Raises
    DataError for a time that UTC cannot hold.
    """
    described = zip(schema.inputs, columns, strict=True)
    return {column.name: _array(column, values) for column, values in described}


class DirectEncoder:
    """Values to the model's matrix where inputs are the features: ``encode`` without an array per column."""

    def __init__(self, schema: Schema) -> None:
        places = {column.name: place for place, column in enumerate(schema.inputs)}
        self._refuses = schema.unknown_category == "refuse"
        self._features = [
            (places[feature.name], schema.inputs[places[feature.name]], _codes(feature.categories))
            for feature in schema.features
        ]

    @staticmethod
    def fits(schema: Schema) -> bool:
        """Return whether every feature is an input of a kind that this encoder knows."""
        kinds = {column.name: column.kind for column in schema.inputs}
        numbers = ("number", "integer", "boolean")
        return all(
            kinds.get(feature.name) in (numbers if feature.categories is None else ("text",))
            for feature in schema.features
        )

    def __call__(self, columns: Columns) -> Array:
        """Return float32 (n, f). Raises DataError for unknown categories where refused, and for infinity."""
        encoded = [
            columns[place] if codes is None else self._coded(columns[place], column, codes)
            for place, column, codes in self._features
        ]
        with np.errstate(over="ignore"):
            matrix = np.array(encoded, dtype=np.float64).astype(np.float32).T
        if np.isinf(matrix).any():
            row, number = (int(place) for place in np.argwhere(np.isinf(matrix))[0])
            name = self._features[number][1].name
            raise DataError(f"column {name!r} row {row}: {encoded[number][row]} is too large for the model (float32)")
        return np.ascontiguousarray(matrix)

    def _coded(self, values: Sequence[Any], column: Input, codes: dict[str | None, float]) -> list[float]:
        coded = [codes.get(value, -1.0) for value in values]
        if -1.0 not in coded:
            return coded
        if self._refuses:
            unknown = next(value for value, code in zip(values, coded, strict=True) if code == -1.0)
            known = [str(code) for code in codes if code is not None][:50]
            hint = nearest(unknown, known)
            raise DataError(f"column {column.name!r}: category {unknown!r} was never seen in training.{hint}")
        return [np.nan if code == -1.0 else code for code in coded]


def _codes(categories: tuple[str, ...] | None) -> dict[str | None, float] | None:
    if categories is None:
        return None
    codes: dict[str | None, float] = {category: float(code) for code, category in enumerate(categories)}
    codes[None] = np.nan
    return codes


def _array(column: Input, values: Sequence[Any]) -> Array:
    if column.kind == "text":
        texts = np.empty(len(values), dtype=object)
        texts[:] = values
        return texts
    if column.kind == "time":
        plain = [None if value is None else value.replace(tzinfo=None) for value in in_utc(values, column.name)]
        return np.array(plain, dtype="datetime64[us]")
    if column.kind == "number" or column.nullable:
        return np.array(values, dtype=np.float64)
    return np.array(values, dtype=np.int64 if column.kind == "integer" else bool)
