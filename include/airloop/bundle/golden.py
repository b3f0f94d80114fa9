"""Golden rows: requests with the answers they must get, kept in the bundle and replayed wherever it is loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from airloop import clock
from airloop.bundle.frames import parse_times
from airloop.features.schema import Input, InputKind, Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Value = str | float | int | bool | None

PLACEHOLDERS: Mapping[InputKind, Value] = {
    "number": 0.0,
    "integer": 0,
    "boolean": False,
    "text": "",
    "time": "1970-01-01T00:00:00Z",
}
"""What stands for a private value that may not be null. Expected answers are computed from what is stored."""
ROWS = 50
"""Rows wanted; more where more categories need one."""
MOST_ROWS = 128


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``inputs``: column → n values as JSON carries them; ``expected``: n answers, each one number or k of them."""

    inputs: dict[str, list[Value]]
    expected: list[float | list[float]]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.expected)

    def columns(self, schema: Schema) -> list[list[Any]]:
        """Return the inputs in the schema's order, times parsed."""
        return [
            parse_times(self.inputs[column.name]) if column.kind == "time" else list(self.inputs[column.name])
            for column in schema.inputs
        ]


def choose(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return some 50 rows of ``frame`` that the schema accepts: with missing values, each category, extremes.

    The choice depends on the rows alone. Returns no row where the schema accepts none.
    """
    import numpy as np

    usable = frame.loc[_accepted(frame, schema), [column.name for column in schema.inputs]]
    wanted: dict[int, None] = {}
    for column in schema.inputs:
        for position in _remarkable(usable[column.name], column):
            wanted.setdefault(int(position))
    spread = np.linspace(0, len(usable) - 1, num=min(ROWS, len(usable))).astype(int)
    for position in spread:
        if len(wanted) >= ROWS:
            break
        wanted.setdefault(int(position))
    return usable.iloc[sorted(list(wanted)[:MOST_ROWS])]


def as_values(frame: pd.DataFrame, schema: Schema, private: tuple[str, ...]) -> dict[str, list[Value]]:
    """Return the input columns as JSON values; private ones as null, or as a placeholder where null is not allowed."""
    columns: dict[str, list[Value]] = {}
    for column in schema.inputs:
        if column.name in private:
            columns[column.name] = [None if column.nullable else PLACEHOLDERS[column.kind]] * len(frame)
        else:
            columns[column.name] = [_value(cell, column.kind) for cell in frame[column.name].tolist()]
    return columns


def as_answers(predictions: np.ndarray[Any, Any]) -> list[float | list[float]]:
    """Return predictions (n,) or (n, k) as lists of floats."""
    answers: list[float | list[float]] = predictions.astype(float).tolist()
    return answers


def _accepted(frame: pd.DataFrame, schema: Schema) -> np.ndarray[Any, Any]:
    import numpy as np

    accepted = np.ones(len(frame), dtype=bool)
    for column in schema.inputs:
        cells = frame[column.name]
        if not column.nullable:
            accepted &= cells.notna().to_numpy()
        if column.kind == "number":
            accepted &= ~np.isinf(cells.to_numpy(dtype=float, na_value=np.nan))
    return accepted


def _remarkable(cells: pd.Series[Any], column: Input) -> list[int]:
    import numpy as np

    missing = cells.isna().to_numpy()
    found = list(np.flatnonzero(missing)[:1])
    present = np.flatnonzero(~missing)
    if not present.size:
        return [int(position) for position in found]
    values = cells.iloc[present]
    if column.kind in ("text", "boolean"):
        found += list(present[~values.duplicated().to_numpy()])
    else:
        ordered = np.argsort(values.to_numpy(), kind="stable")
        found += [present[ordered[0]], present[ordered[-1]]]
    return [int(position) for position in found]


def _value(cell: Any, kind: InputKind) -> Value:
    import pandas as pd

    if cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if kind == "time":
        return clock.iso(cell.to_pydatetime())
    casts = {"number": float, "integer": int, "boolean": bool, "text": str}
    value: Value = casts[kind](cell)
    return value
