from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from airloop.data import raw
from airloop.data.kinds import as_declared, as_it_comes
from airloop.errors import DataError


def comes(values, *, typed=True):
    column, rows = _column(values, typed)
    found = as_it_comes(column, "x", "UTC", rows)
    return str(found.type), found.to_pylist()


def declared(values, kind, *, typed=True):
    column, rows = _column(values, typed)
    return as_declared(column, "x", kind, "UTC", rows).to_pylist()


def _column(values, typed):
    column = values if isinstance(values, pa.Array) else np.array(values, dtype=object)
    return column, raw.of_table("rows.parquet", pa.table({"x": pa.nulls(len(column))}), typed=typed)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, None], pa.int8()), ("int64", [1, None])),
        (pa.array([1, 2], pa.uint32()), ("int64", [1, 2])),
        (pa.array([0.5, float("nan")], pa.float32()), ("double", [0.5, None])),
        (pa.array([Decimal("1.25")]), ("double", [1.25])),
        (pa.array(["a", None], pa.large_string()), ("string", ["a", None])),
        (pa.array(["a", "b"]).dictionary_encode(), ("string", ["a", "b"])),
        (pa.array([True, None]), ("bool", [True, None])),
        (pa.nulls(2), ("null", [None, None])),
    ],
)
def test_each_kind_is_kept_in_one_type(values, expected):
    assert comes(values) == expected


def test_zero_has_no_sign():
    assert np.signbit(comes(pa.array([-0.0]))[1]) == [False]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", None, "-2"], ("int64", [1, None, -2])),
        (["1", "2.5"], ("double", [1.0, 2.5])),
        (["True", "false", None], ("bool", [True, False, None])),
        (["007", "1"], ("string", ["007", "1"])),
        (["1", "NA", " 2"], ("int64", [1, None, 2])),
        (["NA", "ZA"], ("string", ["NA", "ZA"])),
        (["1", "many"], ("string", ["1", "many"])),
        ([None, None], ("null", [None, None])),
    ],
)
def test_texts_of_a_csv_are_read_as_what_all_of_them_are(texts, expected):
    assert comes(pa.array(texts, pa.string()), typed=False) == expected


def test_values_of_a_query_decide_on_the_type():
    assert comes([1, None], typed=False) == ("int64", [1, None])
    assert comes([Decimal("1.5"), None], typed=False) == ("double", [1.5, None])
    assert comes(["7", "8"], typed=False) == ("string", ["7", "8"])


def test_a_mixture_of_types_is_refused():
    with pytest.raises(DataError, match=r"rows.parquet: column 'x' mixes values of int, str"):
        comes([1, "a"], typed=False)


def test_a_type_that_is_no_kind_is_refused():
    with pytest.raises(
        DataError, match=r"column 'x' has type list<item: int64>, which is not used; allowed: number, int"
    ):
        comes(pa.array([[1]]))


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pa.array([1, 2]), "number", [1.0, 2.0]),
        (pa.array([1.0, None]), "integer", [1, None]),
        (pa.array([1, 0, None]), "boolean", [True, False, None]),
        (pa.array([94103]), "text", ["94103"]),
        (pa.array(["1.5", " 2 "]), "number", [1.5, 2.0]),
        (pa.array(["yes", "F", None, "NA"]), "boolean", [True, False, None, None]),
        (pa.array(["NA"]), "text", ["NA"]),
        (pa.nulls(1), "text", [None]),
        ([Decimal("3")], "integer", [3]),
    ],
)
def test_declared_types_are_cast_where_nothing_is_lost(values, kind, expected):
    assert declared(values, kind) == expected


def test_a_csv_column_declared_as_text_keeps_its_zeros():
    assert declared(pa.array(["007", "1"]), "text", typed=False) == ["007", "1"]


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (pa.array([1.0, 1.5]), "integer", "row 2: column 'x': 1.5 does not fit type integer"),
        (pa.array([1, 2]), "boolean", "row 2: column 'x': 2 does not fit type boolean"),
        (pa.array(["1", "one"]), "number", "row 2: column 'x': 'one' does not fit type number"),
        (pa.array([None, True]), "number", "row 2: column 'x': True does not fit type number"),
        (pa.array([0.5]), "text", "row 1: column 'x': 0.5 does not fit type text"),
        (pa.array([2**60 + 1]), "number", f"row 1: column 'x': {2**60 + 1} does not fit type number"),
        (pa.array([2**63], pa.uint64()), "integer", f"row 1: column 'x': {2**63} does not fit type integer"),
    ],
)
def test_a_value_that_does_not_fit_is_named(values, kind, message):
    with pytest.raises(DataError, match=f"rows.parquet, {message}"):
        declared(values, kind)
