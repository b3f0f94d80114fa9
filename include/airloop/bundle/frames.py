"""Values as JSON carries them, as the frame that a partition's rows would be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airloop.features.schema import Schema

if TYPE_CHECKING:
    import pandas as pd


def as_frame(schema: Schema, columns: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return the input columns, given in the schema's order, with the types of ``airloop.data.read_partition``."""
    import pyarrow as pa

    from airloop.data.kinds import ARROW

    described = list(zip(schema.inputs, columns, strict=True))
    arrays = [pa.array(values, type=ARROW[column.kind]) for column, values in described]
    frame: pd.DataFrame = pa.table(arrays, names=[column.name for column, _ in described]).to_pandas()
    nullable = [column.name for column, values in described if column.kind == "boolean" and None in values]
    return frame.astype(dict.fromkeys(nullable, "boolean")) if nullable else frame


def parse_times(values: Sequence[Any]) -> list[datetime | None]:
    """Return ISO 8601 texts as UTC times, None as None."""
    return [None if value is None else datetime.fromisoformat(value).astimezone(UTC) for value in values]
