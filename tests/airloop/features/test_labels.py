"""Labels as numbers."""

import numpy as np
import pandas as pd
import pytest

from airloop.features.labels import class_codes, encode_label, sorted_classes
from airloop.features.schema import Schema


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (pd.Series([0, 1, 1]), ("0", "1")),
        (pd.Series([0.0, 1.0, 1.0]), ("0", "1")),
        (pd.Series([False, True, True]), ("False", "True")),
        (pd.Series([False, True, True], dtype="boolean"), ("False", "True")),
        (pd.Series(["benign", "malignant", "malignant"]), ("benign", "malignant")),
    ],
)
def test_every_form_of_two_classes_gets_the_same_codes(labels, classes):
    assert class_codes(classes, labels).tolist() == [0, 1, 1]


def test_missing_and_unseen_labels_are_nan():
    codes = class_codes(("0", "1"), pd.Series([1.0, None, 2.0]))
    np.testing.assert_array_equal(codes, [1, np.nan, np.nan])


def test_classes_are_sorted_as_numbers_where_all_are():
    assert sorted_classes({"10", "9", "-1"}) == ("-1", "9", "10")
    assert sorted_classes({"b", "10", "a"}) == ("10", "a", "b")


def test_a_regression_label_keeps_its_value():
    schema = Schema((), (), "regression", ())
    values = encode_label(schema, pd.Series([1, None], dtype="Int64"))
    np.testing.assert_array_equal(values, [1.0, np.nan])
