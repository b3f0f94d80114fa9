from __future__ import annotations

import json

import pytest

from airloop.ledger import Ledger
from airloop.store import Store

DIGESTS = {"known": "d1" * 32, "letters": "e2" * 32, "old": "f3" * 32}


@pytest.fixture
def store(write, tmp_path):
    """A store with a page of each kind, and one that the ledger names for another pipeline, or for none."""
    write("parcels", "letters")
    store = Store(str(tmp_path / "home" / "store"))
    for kind in ("verdicts", "reports", "models"):
        for digest in DIGESTS.values():
            with store.writing(kind, digest) as folder:
                (folder / "report.html").write_text("<h1>REJECT</h1>")
    (tmp_path / "home" / "store" / "secret.txt").write_text("not for a browser")
    return store


@pytest.fixture
def ledger(store, tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/home/ledger.db")
    ledger.record("verdict", "parcels", DIGESTS["known"], {"outcome": "REJECT"})
    ledger.record("walk", "parcels", "w1", {"report": f"{store.url}/reports/{DIGESTS['known']}/report.html"})
    ledger.record("verdict", "letters", DIGESTS["letters"], {"outcome": "REJECT"})
    return ledger


def address(kind, which, file="report.html"):
    return f"/artifacts/{kind}/{DIGESTS[which]}/{file}"


@pytest.mark.parametrize("kind", ["verdicts", "reports"])
@pytest.mark.parametrize("which", DIGESTS)
def test_whoever_sees_all_pipelines_reads_all_reports(browser, ledger, kind, which):
    answer = browser("ann").get(address(kind, which))
    assert answer.text == "<h1>REJECT</h1>"
    assert answer.headers["content-type"].startswith("text/html")


def test_a_report_is_a_page_of_no_origin(browser, ledger):
    headers = browser("ann").get(address("verdicts", "known")).headers
    assert headers["content-security-policy"].startswith("sandbox")
    assert "allow-same-origin" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_nobody_reads_without_logging_in(browser, ledger):
    assert browser().get(address("verdicts", "known")).status_code == 401
    assert browser().get("/runs/abc").status_code == 401


def test_a_person_who_followed_a_link_is_shown_where_to_log_in(browser, ledger):
    page = browser().get(address("verdicts", "known"), headers={"Accept": "text/html,*/*"})
    assert page.status_code == 401
    assert f"/auth/login?next=http%3A%2F%2Fairflow%2Fairloop%2Fartifacts%2Fverdicts%2F{DIGESTS['known']}" in page.text


@pytest.mark.parametrize("kind", ["verdicts", "reports"])
def test_who_may_see_one_pipeline_reads_what_its_ledger_names(browser, ledger, hide, kind):
    hide("letters.train")
    statuses = {which: browser("dan").get(address(kind, which)).status_code for which in DIGESTS}
    assert statuses == {"known": 200, "letters": 403, "old": 403}


def test_what_is_hidden_and_what_is_not_there_look_alike(browser, ledger, hide):
    hide("letters.train")
    hidden = browser("dan").get(address("verdicts", "letters"))
    missing = browser("dan").get(address("verdicts", "letters").replace("e2e2", "e2e3"))
    assert hidden.status_code == missing.status_code == 403
    assert hidden.text == missing.text.replace("e2e3", "e2e2")


def test_a_partitions_page_belongs_where_its_snapshots_page_does(browser, store, ledger, hide):
    for name, parts in {"a1" * 32: ["b1" * 32], "b1" * 32: [], "c1" * 32: []}.items():
        with store.writing("validations", name) as folder:
            (folder / "page.html").write_text("<h1>11 expectations met</h1>")
            (folder / "value.json").write_text(json.dumps({"partitions": {f"p{part}": part for part in parts}}))
    ledger.record("validation", "parcels", "s1", {"digest": "a1" * 32, "passed": True})
    hide("letters.train")
    read = {name: browser("dan").get(f"/artifacts/validations/{name * 32}/page.html") for name in ("a1", "b1", "c1")}
    assert {name: answer.status_code for name, answer in read.items()} == {"a1": 200, "b1": 200, "c1": 403}


def test_before_airflow_has_read_a_dag_nobody_sees_all(browser, ledger, session):
    from airflow.models.dag import DagModel
    from sqlalchemy import delete

    session.execute(delete(DagModel))
    session.commit()
    assert browser("dan").get(address("verdicts", "known")).status_code == 403


def test_a_servers_password_is_not_in_the_address_that_people_are_sent_to():
    from airloop_airflow.ui.reports import _shown

    assert _shown("https://airloop:hunter2@mlflow.example.com:5000/") == "https://mlflow.example.com:5000"


def test_a_ledger_that_does_not_answer_hides_what_it_would_tell(browser, store, hide, tmp_path):
    (tmp_path / "home" / "ledger.db").write_text("this is no database, but long enough to be looked at" * 20)
    assert browser("dan").get(address("verdicts", "known")).status_code == 200
    hide("letters.train")
    assert browser("dan").get(address("verdicts", "known")).status_code == 503


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (address("models", "known"), "no pages are kept in 'models'"),
        ("/artifacts/verdicts/d2/report.html", "is not in the store"),
        (address("verdicts", "known", "other.html"), "there is no page 'other.html'"),
        (address("verdicts", "known", "%2e%2e/%2e%2e/secret.txt"), "there is no page"),
        ("/runs/unknown", "MLflow knows no run 'unknown'"),
    ],
)
def test_what_is_no_page_is_not_found(browser, ledger, path, reason):
    answer = browser("ann").get(path)
    assert answer.status_code == 404
    assert reason in answer.json()["detail"]


@pytest.fixture
def run_of(store, tmp_path):
    """Log a training to MLflow."""
    from mlflow import MlflowClient

    def log(pipeline):
        client = MlflowClient(f"sqlite:///{tmp_path}/home/mlflow.db")
        experiment = client.create_experiment(pipeline, artifact_location=str(tmp_path / "artifacts"))
        run = client.create_run(experiment, run_name=f"<b>{pipeline}</b> 1")
        client.log_metric(run.info.run_id, "roc_auc", 0.7512345)
        client.set_tag(run.info.run_id, "snapshot", "d1")
        return run.info.run_id

    return log


@pytest.mark.slow
def test_a_training_has_a_plain_page_without_an_mlflow_server(browser, run_of):
    page = browser("ann").get(f"/runs/{run_of('parcels')}").text
    assert "<td>roc_auc<td>0.751235" in page and "<td>snapshot<td>d1" in page
    assert "&lt;b&gt;parcels&lt;/b&gt; 1" in page and "<b>" not in page


@pytest.mark.slow
def test_a_hidden_pipelines_training_looks_like_one_that_is_not_there(browser, run_of, hide):
    run = run_of("letters")
    mine = run_of("parcels")
    hide("letters.train")
    answers = {name: browser("dan").get(f"/runs/{name}") for name in (run, "0" * 32, mine)}
    assert [answer.status_code for answer in answers.values()] == [403, 403, 200]
    assert answers[run].text == answers["0" * 32].text.replace("0" * 32, run)


@pytest.mark.slow
@pytest.mark.parametrize("user", ["ann", "dan"])
def test_an_mlflow_that_does_not_answer_is_not_taken_for_a_missing_training(browser, store, monkeypatch, hide, user):
    monkeypatch.setenv("AIRLOOP_MLFLOW", "http://me:hunter2@127.0.0.1:1")
    hide("letters.train")
    answer = browser(user).get(f"/runs/{'0' * 32}")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("MLflow http://***@127.0.0.1:1: ")
    assert "hunter2" not in answer.text


@pytest.mark.slow
def test_a_training_that_a_server_does_not_have_is_not_found(browser, run_of):
    run_of("parcels")
    answer = browser("ann").get(f"/runs/{'0' * 32}")
    assert answer.status_code == 404
    assert "MLflow knows no run" in answer.json()["detail"]
