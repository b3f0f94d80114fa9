from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from airloop.refs import Action, DecisionRef, ModelRef, Outcome, ReleaseOutcome, ReleaseRef, VerdictRef
from airloop_airflow import links

PLACE = {"digest": "d1", "uri": "somewhere"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.example/af/")
    return tmp_path


def link(kind, ref):
    return kind().get_link(SimpleNamespace(ref=ref), ti_key=None)


def test_a_report_in_the_store_is_read_through_airflow(home):
    report = f"{home}/store/verdicts/d1/report.html"
    ref = VerdictRef(**PLACE, outcome=Outcome.HOLD, reasons=("too few rows",), report=report)
    assert link(links.Report, ref) == "http://airflow.example/af/airloop/artifacts/verdicts/d1/report.html"


def test_a_report_elsewhere_keeps_its_address():
    ref = VerdictRef(**PLACE, outcome=Outcome.HOLD, reasons=(), report="https://reports.example/1")
    assert link(links.Report, ref) == "https://reports.example/1"


def test_data_docs_training_run_and_endpoint(home):
    docs = SimpleNamespace(docs=f"{home}/store/validations/d1/index.html")
    assert links.DataDocs().get_link(docs, ti_key=None).endswith("/airloop/artifacts/validations/d1/index.html")
    model = ModelRef(**PLACE, version="3", run_id="abc")
    assert link(links.TrainingRun, model) == "http://airflow.example/af/airloop/runs/abc"
    released = ReleaseRef(
        **PLACE,
        outcome=ReleaseOutcome.RELEASED,
        pipeline="parcels",
        target="local",
        generation=1,
        version="3",
        endpoint="http://127.0.0.1:8800/v2/models/parcels",
        reasons=(),
    )
    assert link(links.Endpoint, released) == released.endpoint


def test_a_decision_links_to_the_page_of_its_window(home):
    ref = DecisionRef(
        **PLACE,
        window="2013-03-11T00:00:00Z/2013-03-18T00:00:00Z",
        action=Action.WAIT,
        as_of=datetime(2013, 3, 18, tzinfo=UTC),
        reasons=("nothing moved",),
        report=f"{home}/store/reports/d1/window.html",
    )
    assert link(links.WindowReport, ref) == "http://airflow.example/af/airloop/artifacts/reports/d1/window.html"


def test_a_task_that_handed_on_nothing_has_no_link():
    """An empty address: the page shows no button for it."""
    kinds = (links.Report, links.TrainingRun, links.Endpoint, links.WindowReport)
    assert [link(kind, None) for kind in kinds] == [""] * 4
    assert links.DataDocs().get_link(SimpleNamespace(docs=""), ti_key=None) == ""
    assert len({kind().xcom_key for kind in (*kinds, links.DataDocs)}) == 5


def test_the_log_has_the_address_too_where_a_person_looks_first(home, capsys):
    """Airflow shows the buttons on the last tab of a task's page."""
    from airloop_airflow.operators import JudgeCandidate

    task = JudgeCandidate(task_id="judge_candidate", pipeline="parcels", snapshot="", validation="", model="")
    report = f"{home}/store/verdicts/d1/report.html"
    task.hand_on(VerdictRef(**PLACE, outcome=Outcome.HOLD, reasons=("too few rows",), report=report))
    assert "Report: http://airflow.example/af/airloop/artifacts/verdicts/d1/report.html" in capsys.readouterr().out
