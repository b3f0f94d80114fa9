"""The schema of a model, gathered from its training rows one partition at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from airloop.errors import FeatureError, TrainingError
from airloop.features.inputs import input_kind
from airloop.features.schema import Feature, Input, InputKind, Schema

if TYPE_CHECKING:
    from airloop.spec.words import Task

_NUMBERS = {"boolean", "integer", "floating", "mixed-integer-float"}
_TIMES = {"datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period"}


@dataclass
class _Range:
    minimum: float = np.inf
    maximum: float = -np.inf
    has_null: bool = False
    has_value: bool = False

    def add(self, values: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        known = values[~np.isnan(values)]
        self.has_null |= known.size < values.size
        if known.size:
            self.has_value = True
            self.minimum = min(self.minimum, float(known.min()))
            self.maximum = max(self.maximum, float(known.max()))

    def add_presence(self, column: pd.Series[Any]) -> None:
        missing = column.isna()
        self.has_null |= bool(missing.any())
        self.has_value |= not missing.all()

    def bounds(self, shown: bool) -> tuple[float | None, float | None]:
        finite = shown and np.isfinite(self.minimum) and np.isfinite(self.maximum)
        return (self.minimum, self.maximum) if finite else (None, None)


@dataclass
class _FeatureProfile(_Range):
    kind: Literal["number", "category"] | None = None
    categories: set[str] = field(default_factory=set)


class SchemaProfile:
    """Collects what training rows look like; ``schema`` says it.

    ``inputs`` maps each input to the text of its Arrow type. ``private`` columns get no minimum and maximum.
    """

    def __init__(self, inputs: Mapping[str, str], private: Collection[str], forbidden: Collection[str]) -> None:
        self._kinds: dict[str, InputKind] = {name: input_kind(name, type_) for name, type_ in inputs.items()}
        self._private, self._forbidden = set(private), set(forbidden)
        self._inputs = {name: _Range() for name in inputs}
        self._features: dict[str, _FeatureProfile] = {}

    def add(self, inputs: pd.DataFrame, features: pd.DataFrame) -> None:
        """Take in the training rows of one partition.

        Raises FeatureError when features are the label, of a kind that has no meaning as a number or category, or have
        other columns or kinds than in the partitions before.
        """
        if inputs.empty:
            return
        for name, seen in self._inputs.items():
            if self._kinds[name] in ("number", "integer"):
                seen.add(inputs[name].to_numpy(dtype=np.float64, na_value=np.nan))
            else:
                seen.add_presence(inputs[name])
        names = [str(name) for name in features.columns]
        self._check_names(names)
        for name in names:
            _add_feature(name, self._features.setdefault(name, _FeatureProfile()), features[name])

    def schema(
        self, task: Task, classes: tuple[str, ...], unknown_category: Literal["missing", "refuse"] = "missing"
    ) -> Schema:
        """Return the schema of all rows taken in. Raises TrainingError naming features without a single value."""
        empty = sorted(name for name, seen in self._features.items() if not seen.has_value)
        if empty:
            raise TrainingError(
                f"features without a single value in the training rows: {', '.join(empty)}. "
                "Drop them, or widen data.train_window to rows that have them"
            )
        inputs = tuple(
            Input(name, self._kinds[name], seen.has_null, *seen.bounds(name not in self._private))
            for name, seen in self._inputs.items()
        )
        features = tuple(
            Feature(name, tuple(sorted(seen.categories)) if seen.kind == "category" else None,
                    *seen.bounds(name not in self._private))
            for name, seen in self._features.items()
        )  # fmt: skip
        return Schema(inputs, features, task, classes, unknown_category)

    def _check_names(self, names: list[str]) -> None:
        leaked = sorted(self._forbidden & set(names))
        if leaked:
            raise FeatureError(f"features contain {leaked}: known only after the prediction, so it cannot be a feature")
        if self._features and set(names) != set(self._features):
            differing = sorted(set(names) ^ set(self._features))
            raise FeatureError(
                f"features have other columns in one partition than in another: {differing}. "
                "Feature code must return the same columns for any rows; get_dummies does not, return texts instead"
            )


def _add_feature(name: str, seen: _FeatureProfile, column: pd.Series[Any]) -> None:
    kind = _kind(name, column)
    if kind is None:
        seen.has_null = True
        return
    if seen.kind not in (None, kind):
        raise FeatureError(f"feature {name!r} is a {seen.kind} in one partition and a {kind} in another")
    seen.kind = kind
    if kind == "number":
        seen.add(column.to_numpy(dtype=np.float64, na_value=np.nan))
    else:
        seen.add_presence(column)
        seen.categories.update(str(value) for value in column.dropna().unique())


def _kind(name: str, column: pd.Series[Any]) -> Literal["number", "category"] | None:
    """Return what a feature is; None where the partition holds no value that would tell."""
    if column.isna().all():
        return None
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "category"
    inferred = pd.api.types.infer_dtype(column, skipna=True) if column.dtype == object else _dtype_word(column)
    if inferred in _NUMBERS:
        return "number"
    if inferred == "string":
        return "category"
    if inferred in _TIMES:
        raise FeatureError(
            f"feature {name!r} is a time ({column.dtype}): turn it into numbers, for example .dt.hour, or a difference "
            "in hours (.dt.total_seconds() / 3600)"
        )
    raise FeatureError(f"feature {name!r} holds {inferred} ({column.dtype}); features are numbers, booleans or texts")


def _dtype_word(column: pd.Series[Any]) -> str:
    if pd.api.types.is_bool_dtype(column.dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(column.dtype) or pd.api.types.is_float_dtype(column.dtype):
        return "floating"
    return pd.api.types.infer_dtype(column, skipna=True)
