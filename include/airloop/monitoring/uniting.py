"""Tables of several versions as one: the columns of all, each in one kind."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from airloop.errors import DataError
from airloop.features.arrow import ARROW
from airloop.serving.compact import OWN

if TYPE_CHECKING:
    from airloop.spec.model import Spec

_OWN = dict(zip(OWN, (pa.string(), pa.int32(), ARROW["time"], pa.string(), pa.string()), strict=True))
_KINDS = {str(type_): kind for kind, type_ in ARROW.items()}


def check(table: pa.Table, file: str) -> None:
    """Raise DataError for a column whose type the log never has."""
    for field in table.schema:
        if field.name in _OWN and field.type != _OWN[field.name]:
            raise DataError(
                f"{file}: column {field.name!r} has type {field.type}; the log has {_OWN[field.name]} there"
            )
        if field.name not in _OWN and str(field.type) not in _KINDS:
            known = ", ".join(_KINDS)
            raise DataError(f"{file}: column {field.name!r} has type {field.type}; the log has {known} only")


def united(tables: list[pa.Table], spec: Spec) -> tuple[pa.Table, tuple[str, ...]]:
    """Return all rows with all columns in one order, and what was odd about their kinds.

    A column that a table lacks is null there; whole numbers widen to numbers; of kinds that do not go together that of
    most rows stays. The order: the log's own columns, the inputs by name, then the output's.
    """
    types: dict[str, Counter[str]] = {}
    for table in tables:
        for field in table.schema:
            types.setdefault(field.name, Counter())[str(field.type)] += table.num_rows
    outputs = [name for name in types if name not in _OWN and _is_output(name, spec)]
    inputs = sorted(name for name in types if name not in _OWN and name not in outputs)
    chosen, notes = dict(_OWN), []
    for name in [*inputs, *outputs]:
        chosen[name], note = _type(name, types[name])
        notes += note
    whole = pa.schema(list(chosen.items()))
    return pa.concat_tables([whole.empty_table(), *(_fitted(table, whole) for table in tables)]), tuple(notes)


def _is_output(name: str, spec: Spec) -> bool:
    output = "prediction" if spec.model.task == "regression" else "probability"
    return name == output or (spec.model.task == "multiclass" and name.startswith(f"{output}_"))


def _type(name: str, found: Counter[str]) -> tuple[pa.DataType, list[str]]:
    """Return the type that a column gets, and what is odd about it."""
    if set(found) == {"int64", "double"}:
        return pa.float64(), []
    text = min(found, key=lambda text: (-found[text], text))
    type_ = next(type_ for type_ in ARROW.values() if str(type_) == text)
    others = ", ".join(_KINDS[other] for other in sorted(found) if other != text)
    if not others:
        return type_, []
    lost = sum(found.values()) - found[text]
    return type_, [
        f"column {name!r} is {_KINDS[text]} in most rows and {others} in others: "
        f"the values of {lost:,} rows are not used"
    ]


def _fitted(table: pa.Table, whole: pa.Schema) -> pa.Table:
    return pa.table([_column(table, field) for field in whole], schema=whole)


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name not in table.column_names:
        return pa.nulls(table.num_rows, field.type)
    found = table[field.name]
    if found.type == field.type:
        return found
    if pa.types.is_int64(found.type) and pa.types.is_float64(field.type):
        return found.cast(field.type)
    return pa.nulls(table.num_rows, field.type)
