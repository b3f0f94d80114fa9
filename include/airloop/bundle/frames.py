"""Values as JSON carries them, as the frame that a partition's rows would be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airloop.errors import DataError
from airloop.features.schema import Schema

if TYPE_CHECKING:
    import pandas as pd


def as_frame(schema: Schema, columns: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return the input columns, given in the schema's order, with the types of ``airloop.data.read_partition``.

    Raises DataError for a time that UTC cannot hold.
    """
    import pyarrow as pa

    from airloop.features.arrow import ARROW

    described = list(zip(schema.inputs, columns, strict=True))
    usable = [in_utc(values, column.name) if column.kind == "time" else values for column, values in described]
    arrays = [pa.array(values, type=ARROW[column.kind]) for (column, _), values in zip(described, usable, strict=True)]
    frame: pd.DataFrame = pa.table(arrays, names=[column.name for column, _ in described]).to_pandas()
    nullable = [column.name for column, values in described if column.kind == "boolean" and None in values]
    return frame.astype(dict.fromkeys(nullable, "boolean")) if nullable else frame


def in_utc(values: Sequence[datetime | None], column: str) -> list[datetime | None]:
    """Return times with UTC as their zone. Raises DataError for one that is not in the years 1 to 9999 then."""
    try:
        return [None if value is None else value.astimezone(UTC) for value in values]
    except OverflowError:
        raise DataError(f"column {column!r}: a time lies outside the years 1 to 9999 of UTC") from None


def parse_times(values: Sequence[Any]) -> list[datetime | None]:
    """Return ISO 8601 texts as UTC times, None as None."""
    return [None if value is None else datetime.fromisoformat(value).astimezone(UTC) for value in values]
