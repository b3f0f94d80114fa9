"""Which columns a request must carry."""

import pytest

from airloop.errors import SpecError
from airloop.features.inputs import input_columns, input_kind
from airloop.spec.model import Spec

COLUMNS = dict.fromkeys(["when", "id", "x", "y", "fixed_at", "late", "landed_at"], "double")


def spec(**features) -> Spec:
    return Spec.model_validate(
        {
            "name": "p",
            "data": {
                "source": {"path": "x.parquet"},
                "event_time": "when",
                "key": ["id"],
                "recorded_at": "fixed_at",
                "label": {"column": "late", "known_at": "landed_at"},
            },
            "model": {"task": "binary"},
            **({"features": {"build": "features.py:build", **features}} if features else {}),
        }
    )


def test_defaults_leave_out_what_is_known_later_and_without_code_also_time_and_key():
    assert input_columns(spec(inputs=[]), COLUMNS) == ("when", "id", "x", "y")
    assert input_columns(spec(), COLUMNS) == ("x", "y")


def test_named_inputs_keep_their_order():
    assert input_columns(spec(inputs=["y", "when"]), COLUMNS) == ("y", "when")


def test_inputs_known_later_or_unknown_are_refused():
    with pytest.raises(SpecError, match=r"p features.inputs: 'landed_at' is not known when a prediction is asked for"):
        input_columns(spec(inputs=["landed_at"]), COLUMNS)
    with pytest.raises(SpecError, match=r"'wen' is not in the data. Did you mean 'when'\?"):
        input_columns(spec(inputs=["wen"]), COLUMNS)


def test_data_without_any_input_is_refused():
    with pytest.raises(SpecError, match=r"no column beside label, key and times"):
        input_columns(spec(), dict.fromkeys(["when", "id", "late"], "double"))


@pytest.mark.parametrize(
    ("arrow_type", "kind"),
    [("int64", "integer"), ("double", "number"), ("bool", "boolean"), ("string", "text"), ("null", "number"),
     ("timestamp[us, tz=UTC]", "time"), ("date32[day]", "time"), ("dictionary<values=string>", "text")],
)  # fmt: skip
def test_kinds_follow_arrow_types(arrow_type, kind):
    assert input_kind("x", arrow_type) == kind
