"""Kinds of columns: number, integer, boolean, text and time, and the one Arrow type each is kept in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airloop.data.raw import Column, Raw, present, shortened
from airloop.data.times import to_utc
from airloop.errors import DataError
from airloop.features.arrow import ARROW

_LOSSLESS = {
    "number": {pa.int64()},
    "integer": {pa.float64()},
    "boolean": {pa.int64(), pa.float64()},
    "text": {pa.int64()},
}
"""Kind → Arrow types that may become it where every value fits."""
_TRUE, _FALSE = pa.array(["true", "t", "yes", "1"]), pa.array(["false", "f", "no", "0"])


def as_it_comes(column: Column, name: str, zone: str, raw: Raw) -> pa.Array:
    """Return ``column`` in the Arrow type of its kind; all null stays type null.

    Missing numbers are null, never NaN, and zero has no sign, so that equal values have equal bytes.
    Raises DataError for what is no kind, such as lists, bytes or a mixture.
    """
    array = _infer(column, name, raw)
    if not raw.typed and pa.types.is_string(array.type) and isinstance(column, pa.Array):
        array = _guess(array)
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    if pa.types.is_null(kind) or pa.types.is_boolean(kind):
        return array
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return to_utc(array, name, zone, raw)
    if pa.types.is_integer(kind):
        return _cast(array, pa.int64(), name, raw)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _plain(array.cast(pa.float64(), safe=False))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return array.cast(pa.string())
    raise DataError(
        f"{shortened(raw.files)}: column {name!r} has type {kind}, which is not used; allowed: {', '.join(ARROW)}. "
        "Leave the column out, or turn it into one of these"
    )


def as_declared(column: Column, name: str, kind: str, zone: str, raw: Raw) -> pa.Array:
    """Return ``column`` in the type of ``kind``, nothing lost.

    Raises DataError naming the first value that does not fit.
    """
    if kind == "time":
        return to_utc(column, name, zone, raw)
    if not raw.typed and isinstance(column, pa.Array):
        return _from_text(column, name, kind, raw)
    array = as_it_comes(column, name, zone, raw)
    if array.type == ARROW[kind] or pa.types.is_null(array.type):
        return array.cast(ARROW[kind])
    if pa.types.is_string(array.type):
        return _from_text(array, name, kind, raw)
    if array.type not in _LOSSLESS[kind]:
        raise _unfit(array, pc.index(pc.is_valid(array), True).as_py(), name, kind, raw)
    if kind == "boolean":
        _refuse(array, pc.invert(pc.is_in(array, pa.array([0, 1], array.type))), name, kind, raw)
    return _plain(_cast(array, ARROW[kind], name, raw))


def _infer(column: Column, name: str, raw: Raw) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError) as error:
        types = sorted({type(value).__name__ for value in column if value is not None})
        raise DataError(
            f"{shortened(raw.files)}: column {name!r} mixes values of {', '.join(types)}: {error}"
        ) from error


def _guess(texts: pa.Array) -> pa.Array:
    """Return texts as whole numbers, numbers or booleans where all of them are; ``007`` stays a text."""
    values = present(texts)
    if values.null_count == len(values):
        return pa.nulls(len(values))
    for kind in (pa.int64(), pa.float64()):
        try:
            numbers = values.cast(kind)
        except pa.ArrowInvalid:
            continue
        if kind == pa.float64() or numbers.cast(pa.string()).equals(values):
            return numbers
        return texts
    lowered = pc.utf8_lower(values)
    if pc.all(pc.is_in(lowered.drop_null(), pa.array(["true", "false"]))).as_py():
        return pc.equal(lowered, "true")
    return texts


def _from_text(texts: pa.Array, name: str, kind: str, raw: Raw) -> pa.Array:
    if kind == "text":
        return texts.cast(pa.string())
    values = present(texts)
    if kind != "boolean":
        return _plain(_cast(values, ARROW[kind], name, raw))
    lowered = pc.utf8_lower(values)
    yes, no = pc.is_in(lowered, _TRUE), pc.is_in(lowered, _FALSE)
    _refuse(values, pc.invert(pc.or_(yes, no)), name, kind, raw)
    return pc.if_else(values.is_valid(), yes, pa.scalar(None, pa.bool_()))


def _cast(array: pa.Array, to: pa.DataType, name: str, raw: Raw) -> pa.Array:
    """Cast, and on failure look for the value to blame."""
    try:
        return array.cast(to)
    except pa.ArrowInvalid:
        kind = next(kind for kind, type_ in ARROW.items() if type_ == to)
        raise _unfit(
            array, next(row for row in range(len(array)) if not _fits(array[row], to)), name, kind, raw
        ) from None


def _fits(value: pa.Scalar, to: pa.DataType) -> bool:
    try:
        value.cast(to)
    except pa.ArrowInvalid:
        return False
    return True


def _plain(array: pa.Array) -> pa.Array:
    """Turn NaN to null and -0.0 to 0.0."""
    if array.type != pa.float64() or not len(array):
        return array
    values = array.to_numpy(zero_copy_only=False)
    return pa.array(values + 0.0, mask=np.isnan(values))


def _refuse(array: pa.Array, unfit: pa.Array, name: str, kind: str, raw: Raw) -> None:
    present = pc.and_(pc.is_valid(array), unfit)
    if pc.any(present).as_py():
        raise _unfit(array, pc.index(present, True).as_py(), name, kind, raw)


def _unfit(array: pa.Array, row: int, name: str, kind: str, raw: Raw) -> DataError:
    value = array[row].as_py()
    return DataError(f"{raw.where(row)}: column {name!r}: {value!r} does not fit type {kind}")
