"""Canonical rows: the same content is the same table, whatever the order or form the source gave it in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from airloop.data import kinds, versions
from airloop.data.raw import Raw

if TYPE_CHECKING:
    from airloop.spec.model import Data


def canonical(raw: Raw, data: Data) -> pa.Table:
    """Return visible rows as a table: typed, one row per key, columns and rows in one order.

    Columns: event time, key, the others by name, label and when it became known. Rows are sorted by them in this
    order, missing values last. Raises DataError where types or keys are not as ``data`` says.
    """
    columns = {}
    for name in _order(raw, data):
        kind = data.columns.get(name)
        if kind is None:
            columns[name] = kinds.as_it_comes(raw.columns[name], name, data.timezone, raw)
        else:
            column = raw.column(name, "data.columns")
            columns[name] = kinds.as_declared(column, name, kind, data.timezone, raw)
    table = versions.newest(pa.table(columns), raw, data)
    sortable = [(name, "ascending") for name in table.column_names if not pa.types.is_null(table[name].type)]
    return table.sort_by(sortable).combine_chunks() if sortable else table


def _order(raw: Raw, data: Data) -> list[str]:
    last = [name for name in (data.label.column, data.label.known_at) if name]
    first = [name for name in (data.event_time, *data.key) if name and name not in last]
    for name in data.key:
        raw.column(name, "data.key")
    others = sorted({*raw.columns, *data.columns} - {*first, *last})
    return list(dict.fromkeys([*first, *others, *last]))
