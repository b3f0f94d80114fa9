"""Labels as numbers: a class by its index, a regression's value as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop.features.encode import Vector, is_missing
from airloop.features.schema import Schema

if TYPE_CHECKING:
    import pandas as pd


def encode_label(schema: Schema, labels: pd.Series[Any]) -> Vector:
    """Return float64 of shape (rows,): the index in ``schema.classes``, or the value for a regression.

    NaN for a label that is missing or a class that training never saw.
    """
    if schema.task == "regression":
        values: Vector = labels.to_numpy(dtype=np.float64, na_value=np.nan)
        return values
    return class_codes(schema.classes, labels)


def class_codes(classes: Sequence[str], labels: pd.Series[Any]) -> Vector:
    """Return the index of each label in ``classes`` as float64 of shape (rows,); NaN where it is not there."""
    places, distinct = labels.factorize()
    index = {name: float(code) for code, name in enumerate(classes)}
    values = distinct.astype(object).tolist()
    codes = np.array([index.get(class_name(value), np.nan) for value in values], dtype=np.float64)
    found: Vector = np.append(codes, np.nan)[places]
    return found


def class_names(labels: pd.Series[Any]) -> set[str]:
    """Return the names of the classes that occur."""
    return {class_name(value) for value in labels.dropna().unique().astype(object).tolist() if not is_missing(value)}


def class_name(value: object) -> str:
    """Return a label's one text: 1, 1.0 and "1" are the same class, as are True and "True"."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def sorted_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the classes in the order of the probabilities: by value where all are numbers, else by text."""
    found = list(names)
    try:
        return tuple(sorted(found, key=lambda name: (float(name), name)))
    except ValueError:
        return tuple(sorted(found))
