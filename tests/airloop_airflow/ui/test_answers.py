from __future__ import annotations

import pytest

from airloop import errors

PIPELINE = "/api/pipelines/parcels"


@pytest.fixture
def broken(write, tmp_path):
    """A ledger that is no database."""
    write("parcels")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ledger.db").write_text("this is no database, but long enough to be looked at" * 20)


def test_the_table_of_models_stands_without_a_ledger(browser, broken):
    told = browser("ann").get("/api/models").json()
    assert [row["name"] for row in told["models"]] == ["parcels"]
    assert "not an SQLite file" in told["problem"]


@pytest.mark.parametrize("section", ["/time-line", "/validations", "/backtests"])
def test_a_section_says_in_words_why_it_has_nothing(browser, broken, section):
    told = browser("ann").get(PIPELINE + section)
    assert told.status_code == 503
    assert "not an SQLite file" in told.json()["detail"]


def test_an_act_without_a_ledger_says_so(browser, broken):
    told = browser("bob").post(f"{PIPELINE}/pause", json={"reason": "wrong prices"})
    assert told.status_code == 503
    assert "not an SQLite file" in told.json()["detail"]


def test_no_password_is_in_what_is_told(browser, write, monkeypatch):
    monkeypatch.setenv("AIRLOOP_LEDGER", "postgresql+psycopg://airloop:hunter2@127.0.0.1:1/ledger?connect_timeout=2")
    write("parcels")
    told = [browser("ann").get(path) for path in ("/api/models", f"{PIPELINE}/time-line")]
    assert told[1].status_code == 503
    assert not [answer.text for answer in told if "hunter2" in answer.text]


def test_a_ledger_that_is_being_migrated_is_asked_again(browser, write, tmp_path):
    import sqlite3

    from airloop.ledger import Ledger

    write("parcels")
    Ledger(f"sqlite:///{tmp_path}/home/ledger.db").paused("parcels")
    with sqlite3.connect(tmp_path / "home" / "ledger.db") as database:
        (table,) = database.execute("SELECT name FROM sqlite_master WHERE name LIKE '%version%'").fetchone()
        database.execute(f"UPDATE {table} SET version_num = '0001'")  # noqa: S608
    database.close()
    told = browser("ann").get(f"{PIPELINE}/time-line")
    assert told.status_code == 503
    assert "being brought up to date" in told.json()["detail"]


def test_a_description_that_cannot_be_read_spoils_no_other(browser, write, tmp_path):
    write("parcels", "letters")
    (tmp_path / "pipelines" / "letters" / "pipeline.yaml").write_text("name: letters\nmodle: 3")
    rows = {row["name"]: row for row in browser("ann").get("/api/models").json()["models"]}
    assert (rows["letters"]["health"], rows["parcels"]["health"]) == ("broken", "new")
    assert "modle" in browser("ann").get("/api/pipelines/letters").json()["problem"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (f"{PIPELINE}/time-line?limit=0", "limit: Input should be greater than or equal to 1, not '0'"),
        (f"{PIPELINE}/why?generation=x", "generation: Input should be a valid integer"),
        (f"{PIPELINE}/lineage", "version: Field required"),
        (f"/api/live?names={','.join(f'p{n}' for n in range(61))}", "names: at most 60 at once, not 61"),
    ],
)
def test_a_bad_parameter_is_told_with_what_is_allowed(browser, write, path, reason):
    write("parcels")
    told = browser("ann").get(path)
    assert told.status_code == 400
    assert reason in told.json()["detail"]


def test_an_unknown_metric_is_told_with_those_there_are(browser, write):
    write("parcels")
    told = browser("ann").get(f"{PIPELINE}/leaderboard?metric=auc_roc")
    assert told.status_code == 404
    assert "Did you mean 'roc_auc'?" in told.json()["detail"]


def test_what_nobody_foresaw_is_for_the_log_alone(caplog):
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from airloop_airflow.ui.answers import answer_errors

    app = FastAPI()
    answer_errors(app)

    @app.get("/broken")
    def broken():
        raise RuntimeError("hunter2")

    told = TestClient(app, raise_server_exceptions=False).get("/broken")
    assert told.status_code == 500
    assert told.json() == {"detail": "something went wrong here; the log of Airflow's API server says what"}
    assert "GET /broken failed" in caplog.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UnknownName("no version 9"), 404),
        (errors.Unreachable("the store does not answer"), 503),
        (errors.LedgerError("a newer Airloop has migrated it"), 503),
        (errors.SpecError("unknown key 'modle'"), 409),
        (errors.BundleError("incomplete"), 400),
    ],
)
def test_each_mistake_has_its_status(error, status):
    from airloop_airflow.ui.answers import status_of

    assert status_of(error) == status


def test_nobody_else_keeps_what_one_person_saw(browser, write):
    write("parcels")
    assert browser("ann").get("/api/models").headers["cache-control"] == "no-store"
