"""Raw rows: columns as a source gave them, each row with the place it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airloop.errors import DataError, nearest

Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
Column: TypeAlias = Any
"""A ``pa.Array``, or an object array whose values decide on its type; shape (n,)."""

_MISSING = pa.array(["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"])


@dataclass(frozen=True)
class Raw:
    """Rows of files or of a query.

    With ``typed`` the source gave the types. Otherwise columns are texts (CSV) or object arrays (SQL), and the visible
    values decide: a value that nobody could know yet must not change a type.
    """

    columns: Mapping[str, Column]
    typed: bool
    files: tuple[str, ...]
    file: Integers
    """Row → number of its file."""
    row: Integers
    """Row → its number in the file, from 0."""

    def __len__(self) -> int:
        return len(self.row)

    def where(self, row: int) -> str:
        """Return file and row, counted from 1, for a message."""
        return f"{self.files[self.file[row]]}, row {self.row[row] + 1}"

    def column(self, name: str, meaning: str) -> Column:
        """Return a column. Raises DataError with the nearest name when there is none."""
        if name not in self.columns:
            raise DataError(f"{shortened(self.files)}: no column {name!r} ({meaning}).{nearest(name, self.columns)}")
        return self.columns[name]

    def keep(self, mask: Mask) -> Raw:
        """Return the rows where ``mask``, of shape (n,), is true."""
        if mask.all():
            return self
        columns = {name: _filter(column, mask) for name, column in self.columns.items()}
        return replace(self, columns=columns, file=self.file[mask], row=self.row[mask])

    def blank(self, name: str, mask: Mask) -> Raw:
        """Return the rows with the values of column ``name`` removed where ``mask`` is true."""
        column = self.columns[name]
        if isinstance(column, np.ndarray):
            blanked: Column = column.copy()
            blanked[mask] = None
        else:
            blanked = pc.if_else(pa.array(mask), pa.scalar(None, column.type), column)
        return self.put(name, blanked)

    def put(self, name: str, column: Column) -> Raw:
        """Return the rows with column ``name`` replaced."""
        return replace(self, columns={**self.columns, name: column})


def of_table(name: str, table: pa.Table, *, typed: bool, first_row: int = 0) -> Raw:
    """Return a file's rows, or those from ``first_row`` on. Raises DataError when two columns have one name."""
    _refuse_twins(name, table.column_names)
    rows = table.num_rows
    columns = {column: _whole(table[column]) for column in table.column_names}
    return Raw(columns, typed, (name,), np.zeros(rows, dtype=np.int64), np.arange(first_row, first_row + rows))


def of_rows(name: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Raw:
    """Return the rows of a query's result, given as tuples. Raises DataError when two columns have one name."""
    _refuse_twins(name, names)
    columns: dict[str, Column] = {}
    for number, column in enumerate(names):
        values = np.empty(len(rows), dtype=object)
        values[:] = [row[number] for row in rows]
        columns[column] = values
    return Raw(columns, False, (name,), np.zeros(len(rows), dtype=np.int64), np.arange(len(rows)))


def join(parts: Sequence[Raw]) -> Raw:
    """Return the rows of all parts, one after the other.

    Raises DataError when parts differ in columns, or in types that no wider type holds (int → float is fine).
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts[1:]:
        if lone := sorted(set(first.columns) ^ set(part.columns)):
            raise DataError(f"{first.files[0]} and {part.files[0]} differ in columns: only one of them has {lone}")
    files = tuple(dict.fromkeys(name for part in parts for name in part.files))
    try:
        table = pa.concat_tables([pa.table(dict(part.columns)) for part in parts], promote_options="permissive")
    except pa.ArrowException as error:
        raise DataError(f"{shortened(files)}: one column has different types: {error}") from error
    return Raw(
        {name: _whole(table[name]) for name in first.columns},
        first.typed,
        files,
        np.concatenate([np.array([files.index(name) for name in part.files])[part.file] for part in parts]),
        np.concatenate([part.row for part in parts]),
    )


def present(texts: pa.Array) -> pa.Array:
    """Return texts without blanks around them, null where they stand for a missing number or time.

    Only for columns that are no texts: there ``NA`` may be Namibia.
    """
    trimmed = pc.utf8_trim_whitespace(texts.cast(pa.string()))
    return pc.if_else(pc.is_in(trimmed, _MISSING), pa.scalar(None, pa.string()), trimmed)


def shortened(names: Sequence[str]) -> str:
    """Return the first few names for a message."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _filter(column: Column, mask: Mask) -> Column:
    return column[mask] if isinstance(column, np.ndarray) else column.filter(pa.array(mask))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _refuse_twins(name: str, columns: Sequence[str]) -> None:
    twins = sorted({column for column in columns if columns.count(column) > 1})
    if twins:
        raise DataError(f"{name}: more than one column is called {twins[0]!r}; each needs a name of its own")
