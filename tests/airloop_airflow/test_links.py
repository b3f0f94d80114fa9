from __future__ import annotations

from types import SimpleNamespace

import pytest

from airloop.refs import ModelRef, Outcome, ReleaseOutcome, ReleaseRef, VerdictRef
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


def test_a_task_that_handed_on_nothing_has_no_link():
    """An empty address: the page shows no button for it."""
    kinds = (links.Report, links.TrainingRun, links.Endpoint)
    assert [link(kind, None) for kind in kinds] == [""] * 3
    assert links.DataDocs().get_link(SimpleNamespace(docs=""), ti_key=None) == ""
    assert len({kind().xcom_key for kind in (*kinds, links.DataDocs)}) == 4
