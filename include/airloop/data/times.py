"""Times of any form to UTC, microseconds. Nothing is guessed: a time that could mean two instants is an error."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from airloop.data.raw import Column, Raw, present
from airloop.errors import DataError
from airloop.features.arrow import UTC_TIME

NAIVE_TIME = pa.timestamp("us")
_OFFSET = r"(Z|z|UTC|[+-]\d{2}(:?\d{2})?)$"


def to_utc(column: Column, name: str, zone: str, raw: Raw) -> pa.Array:
    """Return ``column`` (times, dates or ISO 8601 texts, shape (n,)) as instants; one without offset is in ``zone``.

    Parts of a microsecond are cut off. Raises DataError naming value, column, row and file for what is no time,
    and for a time that the zone's clocks skip or show twice.
    """
    if not isinstance(column, pa.Array):
        column = pa.array([_as_text(value) for value in column], pa.string())
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(UTC_TIME, safe=False)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_null(kind):
        return _localize(column.cast(NAIVE_TIME, safe=False), name, zone, raw)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _parse(column, name, zone, raw)
    value = _first(column, pc.is_valid(column))
    raise DataError(f"{raw.where(value[0])}: column {name!r} holds {value[1]!r} ({kind}), which is no time")


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _localize(naive: pa.Array, name: str, zone: str, raw: Raw) -> pa.Array:
    """Read clocks in ``zone``. Skipped and repeated times are those whose earliest and latest reading differ."""
    early, late = (
        pc.assume_timezone(naive, zone, ambiguous=reading, nonexistent=reading) for reading in ("earliest", "latest")
    )
    unclear = pc.fill_null(pc.not_equal(early, late), False)
    if pc.any(unclear).as_py():
        row, value = _first(naive, unclear)
        raise DataError(
            f"{raw.where(row)}: column {name!r}: {value} does not exist or happens twice in {zone}; "
            "give times with their offset from UTC"
        )
    return early.cast(UTC_TIME)


def _parse(texts: pa.Array, name: str, zone: str, raw: Raw) -> pa.Array:
    import pandas as pd

    trimmed = present(texts)
    has_offset = pc.fill_null(pc.match_substring_regex(trimmed, _OFFSET), False)
    # A date ends like an offset: 2013-03-18.
    has_offset = pc.and_(has_offset, pc.greater(pc.fill_null(pc.utf8_length(trimmed), 0), 10))
    given = trimmed.to_pandas()
    with_offset = pd.to_datetime(given.where(has_offset.to_pandas()), format="ISO8601", utc=True, errors="coerce")
    naive = pd.to_datetime(given.mask(has_offset.to_pandas()), format="ISO8601", errors="coerce")
    instants = pa.array(with_offset, UTC_TIME, from_pandas=True)
    clocks = pa.array(naive, NAIVE_TIME, from_pandas=True)
    unread = pc.and_(pc.is_valid(trimmed), pc.and_(pc.is_null(instants), pc.is_null(clocks)))
    if pc.any(unread).as_py():
        row, value = _first(texts, unread)
        raise DataError(
            f"{raw.where(row)}: column {name!r}: {value!r} is not an ISO 8601 time, for example 2013-03-18T06:00:00Z"
        )
    return pc.coalesce(instants, _localize(clocks, name, zone, raw))


def _first(values: pa.Array, mask: pa.Array) -> tuple[int, object]:
    row = pc.index(mask, True).as_py()
    return row, values[row].as_py()
