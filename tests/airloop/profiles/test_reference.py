"""The reference beside a model: written and read again, and what is said where it is absent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from airloop import digest
from airloop.errors import BundleError
from airloop.features.schema import Feature, Input, Schema
from airloop.profiles import Profile
from airloop.profiles.reference import Reference, kinds_of, prediction_columns

INPUTS = (
    Input("when", "time", False),
    Input("carrier", "text", False),
    Input("seats", "integer", True),
    Input("is_cargo", "boolean", False),
)
FEATURES = (Feature("hour"), Feature("carrier", ("AA", "UA")))


@pytest.fixture
def reference() -> Reference:
    random = np.random.default_rng(0)
    rows = {"hour": random.integers(0, 24, 500), "carrier": random.choice(["AA", "UA"], 500)}
    kinds = {"hour": "number", "carrier": "category"}
    return Reference(
        columns=Profile.of(rows, kinds),
        prediction=Profile.of({"prediction": random.random(100)}, {"prediction": "number"}),
        kinds=kinds,
        importance={"hour": 0.25, "carrier": 0.75},
        window=timedelta(days=7),
        natural={"psi": {"hour": [0.1, 0.2], "prediction": []}},
        usual_rows=71.5,
        baseline={"roc_auc": (0.7, 0.01), "accuracy": (0.9, None)},
        calibration=((0.1, 0.0), (0.9, 1.0)),
        train_start=datetime(2013, 1, 1, tzinfo=UTC),
        cut_off=datetime(2013, 3, 1, tzinfo=UTC),
    )


def test_what_was_saved_is_loaded(reference, tmp_path):
    reference.save(tmp_path / "reference")
    assert Reference.load(tmp_path / "reference") == reference
    Reference.load(tmp_path / "reference").save(tmp_path / "again")
    assert digest.files_of(tmp_path / "again") == digest.files_of(tmp_path / "reference")


def test_a_reference_of_rows_without_time_is_loaded(reference, tmp_path):
    bare = Reference(reference.columns, reference.prediction, reference.kinds, reference.importance)
    bare.save(tmp_path)
    assert Reference.load(tmp_path) == bare


def test_a_bundle_older_than_monitoring_says_what_to_do(tmp_path):
    with pytest.raises(BundleError, match=r"reference is not there: this bundle is older .* Train and release again"):
        Reference.load(tmp_path / "reference")


@pytest.mark.parametrize("name", ["columns.profile", "reference.json"])
def test_a_reference_that_cannot_be_read_is_named(reference, tmp_path, name):
    reference.save(tmp_path)
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(BundleError, match=r"cannot be read: .*\. Train and release again"):
        Reference.load(tmp_path)


def test_features_are_profiled_and_inputs_that_are_none():
    schema = Schema(INPUTS, FEATURES, "binary", ("0", "1"))
    assert kinds_of(schema) == {
        "hour": "number",
        "carrier": "category",
        "when": "time",
        "seats": "number",
        "is_cargo": "number",
    }


def test_each_class_of_more_than_two_is_a_column_of_its_own():
    assert prediction_columns(Schema((), (), "multiclass", ("a", "b", "c"))) == (
        "prediction[a]",
        "prediction[b]",
        "prediction[c]",
    )
    for task in ("binary", "regression"):
        assert prediction_columns(Schema((), (), task, ())) == ("prediction",)
