from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import ClassVar

import pytest
from airflow.sdk import BaseNotifier

from airloop.spec import Spec
from airloop_airflow.notifications import callbacks


class Recorder(BaseNotifier):
    """Keeps what it is told; its text is a template, as Airflow's own notifiers' are."""

    template_fields = ("text",)
    told: ClassVar[list[str]] = []

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def notify(self, context) -> None:
        self.told.append(self.text)


class Broken(BaseNotifier):
    """Cannot tell anything."""

    def notify(self, context) -> None:
        raise OSError("the mail server is away")


@pytest.fixture(autouse=True)
def told():
    Recorder.told.clear()
    return Recorder.told


def spec(*notify):
    return Spec.model_validate(
        {
            "name": "parcels",
            "data": {"source": {"path": "x/*.parquet"}, "partition": "none", "label": {"column": "late"}},
            "model": {"task": "binary"},
            "notify": list(notify),
        }
    )


def recorder(*on, text="{{ run_id }}: done"):
    return {"on": list(on), "notifier": f"{__name__}.Recorder", "args": {"text": text}}


def context(outcome):
    return {"task": SimpleNamespace(outcome=outcome), "run_id": "run-1"}


def tell(of, event, outcome):
    for callback in callbacks(of)[f"on_{event}_callback"]:
        callback(context(outcome))


def test_a_notifier_hears_only_what_it_asked_for(told):
    of = spec(recorder("rejected", text="{{ run_id }} was rejected"), recorder("released", text="live"))
    tell(of, "success", "rejected")
    assert told == ["run-1 was rejected"]
    tell(of, "success", None)
    tell(of, "success", "held")
    assert told == ["run-1 was rejected"]


def test_a_failed_task_is_told_as_failed_unless_it_says_what_happened(told):
    of = spec(recorder("failed", text="failed"), recorder("rolled_back", text="rolled back"))
    tell(of, "failure", None)
    tell(of, "failure", "rolled_back")
    assert told == ["failed", "rolled back"]


def test_one_notifier_that_fails_does_not_keep_the_next_from_telling(told, caplog):
    broken = {"on": ["failed"], "notifier": f"{__name__}.Broken"}
    missing = {"on": ["failed"], "notifier": "no.such.Notifier"}
    with caplog.at_level(logging.ERROR):
        tell(spec(broken, missing, recorder("failed")), "failure", None)
    assert told == ["run-1: done"]
    assert "could not tell that the run was failed" in caplog.text and "no.such.Notifier" in caplog.text


def test_a_pipeline_without_notifiers_has_no_callbacks():
    assert callbacks(spec()) == {}
