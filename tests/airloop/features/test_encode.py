"""One encoding for training, judging and serving."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airloop.errors import DataError, FeatureError
from airloop.features.encode import encode
from airloop.features.schema import Feature, Schema


def schema(*features: Feature, unknown: str = "missing") -> Schema:
    return Schema((), features, "regression", (), unknown)


X, C = Feature("x"), Feature("c", ("a", "b"))


def test_numbers_booleans_and_categories_become_float32():
    frame = pd.DataFrame({"c": ["b", None, "zz", "a"], "x": [1, 2, 3, 4], "more": 0})
    matrix = encode(schema(X, C), frame)
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    np.testing.assert_array_equal(matrix, np.array([[1, 1], [2, np.nan], [3, np.nan], [4, 0]], np.float32))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 0, None], dtype="Int64"),
        pd.Series([True, False, None], dtype="boolean"),
        pd.Series([1, 0, np.nan], dtype="float32"),
        pd.Series([1, 0, None], dtype=object),
        pd.Series([True, False, None], dtype=object),
    ],
)
def test_any_numeric_dtype_gives_the_same_bytes(column):
    expected = encode(schema(X), {"x": np.array([1.0, 0.0, np.nan])})
    assert encode(schema(X), pd.DataFrame({"x": column})).tobytes() == expected.tobytes()


@given(
    numbers=st.lists(st.one_of(st.none(), st.floats(-1e30, 1e30), st.integers(-(2**62), 2**62)), min_size=1),
    texts=st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "", "c"])), min_size=1),
)
def test_frame_and_arrays_give_the_same_bytes(numbers, texts):
    rows = min(len(numbers), len(texts))
    columns = {
        "x": np.array([np.nan if value is None else value for value in numbers[:rows]], dtype=np.float64),
        "c": np.array(texts[:rows], dtype=object),
    }
    from_arrays = encode(schema(X, C), columns)
    from_frame = encode(schema(X, C), pd.DataFrame(columns))
    assert from_arrays.tobytes() == from_frame.tobytes()


def test_whole_numbers_of_any_size_give_the_same_bytes():
    values = np.array([2**53 + 1, 2**24 + 1, -(2**62) + 3], dtype=np.int64)
    frames = [pd.DataFrame({"x": values}), pd.DataFrame({"x": pd.Series(values, dtype="Int64")})]
    expected = encode(schema(X), {"x": values}).tobytes()
    assert [encode(schema(X), frame).tobytes() for frame in frames] == [expected, expected]


def test_a_categorical_dtype_is_encoded_by_value_not_by_its_own_codes():
    column = pd.Categorical(["b", "a"], categories=["b", "z", "a"])
    assert encode(schema(C), pd.DataFrame({"c": column})).ravel().tolist() == [1, 0]


@pytest.mark.parametrize("kind", ["frame", "arrays"])
def test_refused_categories_are_listed(kind):
    columns = {"c": np.array(["a", "B", "q", None], dtype=object)}
    given_columns = pd.DataFrame(columns) if kind == "frame" else columns
    with pytest.raises(DataError, match=r"feature 'c' has categories never seen in training: 'B', 'q'"):
        encode(schema(C, unknown="refuse"), given_columns)
    assert np.isnan(encode(schema(C, unknown="refuse"), given_columns, unknown="missing")[1:]).all()


def test_infinity_and_what_float32_cannot_hold_are_refused():
    with pytest.raises(FeatureError, match=r"feature 'x' is -inf in row 1: infinite"):
        encode(schema(X), {"x": np.array([0, -np.inf])})
    with pytest.raises(FeatureError, match=r"feature 'x' is 1e\+39 in row 0: infinite, or too large for float32"):
        encode(schema(X), {"x": np.array([1e39])})


def test_a_missing_or_changed_feature_is_named():
    with pytest.raises(FeatureError, match=r"feature 'x' is missing. Did you mean 'xs'\?"):
        encode(schema(X), pd.DataFrame({"xs": [1]}))
    with pytest.raises(FeatureError, match=r"feature 'x' was a number in training and is not now: .*'q'"):
        encode(schema(X), pd.DataFrame({"x": ["q"]}))
    with pytest.raises(FeatureError, match=r"feature 'x' is a time; turn it into a number"):
        encode(schema(X), {"x": np.array(["2013-01-01"], dtype="datetime64[us]")})


def test_no_rows_give_an_empty_matrix():
    assert encode(schema(X, C), pd.DataFrame({"x": [], "c": []})).shape == (0, 2)
