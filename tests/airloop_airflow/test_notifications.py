from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import ClassVar

import pytest
from airflow.sdk import BaseNotifier

from airloop.refs import Outcome, VerdictRef
from airloop.spec import Spec
from airloop_airflow.alert import run_page
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
def told(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
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


def recorder(*on, text="{{ run_id }}: done", **more):
    return {"on": list(on), "notifier": f"{__name__}.Recorder", "args": {"text": text}, **more}


def context(outcome=None, *, run_type="manual", form=None, **task):
    known = {"outcome": outcome, "task_id": "judge_candidate", "dag_id": "parcels.train"} | task
    return {
        "task": SimpleNamespace(**known),
        "run_id": "run-1",
        "dag_run": SimpleNamespace(run_type=run_type),
        "params": form or {},
    }


def tell(of, event, context):
    for callback in callbacks(of)[f"on_{event}_callback"]:
        callback(context)


def test_a_notifier_hears_only_what_it_asked_for(told):
    of = spec(recorder("rejected", text="{{ run_id }} was rejected"), recorder("released", text="live"))
    tell(of, "success", context("rejected"))
    assert told == ["run-1 was rejected"]
    tell(of, "success", context(None))
    tell(of, "success", context("held"))
    assert told == ["run-1 was rejected"]


def test_a_failed_task_is_told_as_failed_unless_it_says_what_happened(told):
    of = spec(recorder("failed", text="failed"), recorder("rolled_back", text="rolled back"))
    tell(of, "failure", context(None))
    tell(of, "failure", context("rolled_back"))
    assert told == ["failed", "rolled back"]


def test_a_task_may_have_several_things_to_tell(told):
    of = spec(recorder("act", "stale", "no_traffic", text="{{ alert.event }}"))
    tell(of, "success", context(None, outcomes=("stale", "act")))
    assert told == ["stale", "act"]


def test_a_message_says_what_why_and_where_to_look(told, tmp_path):
    reasons = ("roc_auc 0.58, at least 0.62", "log_loss is worse than the champion's")
    verdict = VerdictRef(
        digest="v",
        uri="x",
        outcome=Outcome.REJECT,
        reasons=reasons,
        report=str(tmp_path / "store" / "verdicts" / "v" / "report.html"),
    )
    of = spec(recorder("rejected", text="{{ alert.text }}"))
    tell(of, "success", context("rejected", ref=verdict, version="7"))
    assert told[0].splitlines() == [
        "parcels: rejected (version 7)",
        "- roc_auc 0.58, at least 0.62",
        "- log_loss is worse than the champion's",
        "Report: https://airflow.example.com/airloop/artifacts/verdicts/v/report.html",
        "Run: https://airflow.example.com/dags/parcels.train/runs/run-1",
    ]


def test_a_failure_is_told_with_what_went_wrong(told):
    of = spec(recorder("failed", text="{{ alert.text }}"))
    tell(
        of, "failure", context(None, task_id="train_model") | {"exception": ValueError("no rows\nat all " + "x" * 900)}
    )
    assert told[0].startswith("parcels: a run failed\n- train_model: no rows at all")
    assert len(told[0]) < 800


def test_a_decision_without_a_ref_is_told_by_its_headline(told):
    of = spec(recorder("no_traffic", text="{{ alert.text }}"))
    tell(of, "success", context("no_traffic", ref=None, headline="0 rows, wanted 100"))
    assert "- 0 rows, wanted 100" in told[0]


def test_the_same_is_told_once_within_the_cool_down(told):
    of = spec(recorder("failed", "rejected", text="{{ alert.event }}", cool_down="1h"))
    for outcome in (None, None, "rejected", None, "rejected"):
        tell(of, "failure", context(outcome))
    assert told == ["failed", "rejected"]


def test_without_a_cool_down_each_is_told(told):
    of = spec(recorder("failed", cool_down="0s"))
    for _ in range(3):
        tell(of, "failure", context(None))
    assert len(told) == 3


def test_one_notifier_that_fails_does_not_keep_the_next_from_telling(told, caplog):
    broken = {"on": ["failed"], "notifier": f"{__name__}.Broken"}
    missing = {"on": ["failed"], "notifier": "no.such.Notifier"}
    with caplog.at_level(logging.ERROR):
        tell(spec(broken, missing, recorder("failed")), "failure", context(None))
    assert told == ["run-1: done"]
    assert "Broken could not tell failed: the mail server is away" in caplog.text
    assert "notifier 'no.such.Notifier' cannot be made: No module named 'no'" in caplog.text


def test_a_ledger_that_is_gone_keeps_nobody_from_telling(told, tmp_path, monkeypatch, caplog):
    (tmp_path / "ledger").write_text("no database")
    monkeypatch.setenv("AIRLOOP_LEDGER", f"sqlite:///{tmp_path}/ledger")
    with caplog.at_level(logging.WARNING):
        tell(spec(recorder("failed")), "failure", context(None))
    assert told == ["run-1: done"]
    assert "told although the ledger cannot say" in caplog.text


def test_a_backfill_tells_nobody_unless_it_releases(told):
    """Forty runs that fail would be forty messages about the past (apache/airflow#52665)."""
    of = spec(recorder("failed", "released", "act", text="{{ alert.event }}"))
    for outcome in ("failed", "released", "act"):
        tell(of, "failure", context(outcome, run_type="backfill", form={"release_backfill": False}))
    assert told == []
    tell(of, "success", context("released", run_type="backfill", form={"release_backfill": True}))
    assert told == ["released"]


def test_a_runs_address_is_one_that_a_browser_reads():
    run_id = "scheduled__2026-01-05T06:00:00+00:00"
    page = "https://airflow.example.com/dags/parcels.train/runs/scheduled__2026-01-05T06%3A00%3A00%2B00%3A00"
    assert run_page("parcels.train", run_id) == page


def test_a_pipeline_without_notifiers_has_no_callbacks():
    assert callbacks(spec()) == {}
