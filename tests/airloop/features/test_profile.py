"""The schema gathered from training rows."""

import numpy as np
import pandas as pd
import pytest

from airloop.errors import FeatureError, SpecError, TrainingError
from airloop.features.encode import encode
from airloop.features.profile import SchemaProfile
from airloop.features.schema import Feature, Input

TYPES = {"n": "double", "i": "int64", "t": "string", "w": "timestamp[us, tz=UTC]", "b": "bool"}


def rows(**columns) -> pd.DataFrame:
    when = pd.to_datetime(["2013-01-01", "2013-01-02"], utc=True)
    whole = {"n": [1.5, None], "i": [3, 4], "t": ["x", "y"], "w": when, "b": [True, False]}
    return pd.DataFrame({**whole, **columns})


def test_schema_merges_partitions():
    profile = SchemaProfile(TYPES, private=("i",), forbidden=("late",))
    profile.add(rows(), pd.DataFrame({"f": [1, 2], "c": ["q", "p"]}))
    profile.add(
        rows(n=[-2.0, 0.0]), pd.DataFrame({"c": pd.Categorical(["a", None], ["a", "unused"]), "f": [0.5, None]})
    )
    schema = profile.schema("binary", ("0", "1"), "refuse")
    assert schema.inputs == (
        Input("n", "number", True, -2.0, 1.5),
        Input("i", "integer", False),
        Input("t", "text", False),
        Input("w", "time", False),
        Input("b", "boolean", False),
    )
    assert schema.features == (Feature("f", None, 0.5, 2.0), Feature("c", ("a", "p", "q")))
    assert (schema.classes, schema.unknown_category) == (("0", "1"), "refuse")


@pytest.mark.parametrize("dtype", [object, "str", "float64", "category", "Int64"])
def test_a_column_without_values_in_one_partition_takes_its_kind_from_the_others(dtype):
    profile = SchemaProfile({}, (), ())
    nothing = pd.DataFrame({"c": [None, None], "f": [None, None]}, dtype=dtype)
    profile.add(rows(), nothing)
    profile.add(rows(), pd.DataFrame({"c": ["q", None], "f": [True, None]}))
    schema = profile.schema("regression", ())
    assert schema.features == (Feature("c", ("q",)), Feature("f", None, 1.0, 1.0))
    assert np.isnan(encode(schema, nothing)).all()


def test_features_without_a_single_value_are_named():
    profile = SchemaProfile({}, (), ())
    profile.add(rows(), pd.DataFrame({"f": [1, 2], "gust": [None, None]}, dtype=object))
    with pytest.raises(TrainingError, match=r"without a single value in the training rows: gust. Drop them"):
        profile.schema("regression", ())


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.to_datetime(["2013-01-01", None]), r"'f' is a time \(datetime64.*turn it into numbers"),
        (pd.to_timedelta(["1h", None]), r"'f' is a time \(timedelta64"),
        ([b"x", b"y"], r"'f' holds bytes"),
        ([1, "x"], r"'f' holds mixed"),
        ([[1], [2]], r"'f' holds mixed"),
        ([1j, 2j], r"'f' holds complex"),
    ],
)
def test_what_has_no_meaning_as_number_or_category_is_refused(column, message):
    with pytest.raises(FeatureError, match=message):
        SchemaProfile({}, (), ()).add(rows(), pd.DataFrame({"f": column}))


def test_changing_columns_and_kinds_are_refused():
    profile = SchemaProfile({}, (), ("late",))
    profile.add(rows(), pd.DataFrame({"f": [1, 2]}))
    with pytest.raises(FeatureError, match=r"feature 'f' is a number in one partition and a category in another"):
        profile.add(rows(), pd.DataFrame({"f": ["1", "2"]}))
    with pytest.raises(
        FeatureError, match=r"other columns in one partition than in another: \['f', 'g'\].*get_dummies"
    ):
        profile.add(rows(), pd.DataFrame({"g": [1, 2]}))
    with pytest.raises(FeatureError, match=r"features contain \['late'\]: known only after the prediction"):
        profile.add(rows(), pd.DataFrame({"late": [1, 2]}))


def test_private_columns_show_no_range_as_feature_either():
    profile = SchemaProfile({"n": "double"}, ("n",), ())
    profile.add(rows(), rows()[["n"]])
    assert profile.schema("regression", ()).features == (Feature("n"),)


def test_an_input_of_a_type_without_json_is_refused():
    with pytest.raises(SpecError, match=r"column 'x' has Arrow type list<item: int64>"):
        SchemaProfile({"x": "list<item: int64>"}, (), ())
