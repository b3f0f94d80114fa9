from __future__ import annotations

import pytest
from airflow.sdk import ParamsDict
from airflow.sdk.exceptions import ParamValidationError

from airloop.spec import Spec
from airloop_airflow import form

SPEC = Spec.model_validate(
    {
        "name": "parcels",
        "data": {"source": {"path": "x/*.parquet"}, "partition": "none", "label": {"column": "late"}},
        "model": {"task": "binary"},
    }
)


def filled(fields, **values):
    return ParamsDict({name: field.resolve(values.get(name, field.value)) for name, field in fields.items()})


def test_the_training_form_needs_nothing():
    values = filled(form.training(SPEC))
    assert (values["as_of"], values["dry_run"], values["target"], values["why"]) == (None, False, "local", None)


@pytest.mark.parametrize(
    "text", ["2013-03-18", "2013-03-18T06:00", "2013-03-18T06:00:00Z", "2013-03-18 06:00:00.5+01:00"]
)
def test_an_instant_is_accepted_as_people_and_the_calendar_write_it(text):
    assert filled(form.training(SPEC), as_of=text)["as_of"] == text


@pytest.mark.parametrize("text", ["yesterday", "18.03.2013", "2013-03", ""])
def test_what_is_no_instant_is_refused_in_the_form(text):
    with pytest.raises(ParamValidationError, match="does not match"):
        filled(form.training(SPEC), as_of=text)


def test_the_monitoring_form_needs_nothing_and_checks_its_instant():
    assert filled(form.monitoring()) == {"as_of": None, "why": None}
    with pytest.raises(ParamValidationError, match="does not match"):
        filled(form.monitoring(), as_of="last week")


def test_an_unknown_target_is_refused_in_the_form():
    with pytest.raises(ParamValidationError, match="'mars' is not one of"):
        filled(form.training(SPEC), target="mars")


def test_a_roll_back_needs_a_reason():
    with pytest.raises(ParamValidationError, match="No value passed"):
        filled(form.rolling_back())
    with pytest.raises(ParamValidationError, match="too short"):
        filled(form.rolling_back(), reason="x")
    assert filled(form.rolling_back(), reason="it answers nonsense")["to"] is None


def test_every_field_has_a_title_a_section_and_help():
    fields = [*form.training(SPEC).items(), *form.monitoring().items(), *form.rolling_back().items()]
    assert len(fields) == 9
    for name, field in fields:
        assert field.description and field.schema["title"] and field.schema["section"], name
