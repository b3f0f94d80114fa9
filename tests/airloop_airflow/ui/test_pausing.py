from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from airloop.ledger import Ledger

PIPELINE = "/api/pipelines/parcels"


@pytest.fixture
def ledger(write, tmp_path):
    write("parcels", "letters")
    return Ledger(f"sqlite:///{tmp_path}/home/ledger.db")


@pytest.fixture
def audit(session):
    """Give what Airflow's audit log has."""
    from airflow.models.log import Log

    def read():
        session.rollback()
        rows = session.scalars(select(Log).order_by(Log.id)).all()
        return [(row.event, row.owner, row.dag_id, json.loads(row.extra)) for row in rows]

    return read


def test_a_pause_is_in_the_ledger_with_the_persons_name(browser, ledger):
    told = browser("bob").post(f"{PIPELINE}/pause", json={"reason": "  wrong prices  "}).json()
    standing = ledger.paused("parcels")
    assert (standing.payload["by"], standing.payload["reason"]) == ("bob", "wrong prices")
    assert (told["by"], told["reason"]) == ("bob", "wrong prices")
    assert browser("ann").get(PIPELINE).json()["row"]["pause"] == told
    assert ledger.paused("letters") is None


def test_resuming_lets_releases_go_on(browser, ledger):
    client = browser("bob")
    client.post(f"{PIPELINE}/pause", json={"reason": "wrong prices"})
    assert client.post(f"{PIPELINE}/resume", json={"reason": "prices are right"}).json() is None
    assert ledger.paused("parcels") is None
    assert [entry.payload["by"] for entry in ledger.entries("parcels", "pause")] == ["bob", "bob"]


def test_whoever_pauses_second_learns_whose_pause_holds(browser, ledger):
    browser("bob").post(f"{PIPELINE}/pause", json={"reason": "wrong prices"})
    told = browser("cy").post(f"{PIPELINE}/pause", json={"reason": "me too"}).json()
    assert (told["by"], told["reason"]) == ("bob", "wrong prices")


def test_each_act_is_in_airflows_audit_log_on_the_dag(browser, ledger, audit):
    for act in ("pause", "resume"):
        browser("bob").post(f"{PIPELINE}/{act}", json={"reason": "wrong prices"})
    said = {"name": "parcels", "reason": "wrong prices", "method": "POST"}
    assert audit() == [
        ("airloop.pause", "bob", "parcels.train", said),
        ("airloop.resume", "bob", "parcels.train", said),
    ]


def test_a_viewers_try_changes_nothing(browser, ledger, audit, tmp_path):
    told = browser("ann").post(f"{PIPELINE}/pause", json={"reason": "wrong prices"})
    assert told.json()["detail"].startswith("you may not edit parcels.train")
    assert not (tmp_path / "home").exists() and audit() == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": {"reason": "wrong prices"}}, 415),
        ({"content": '{"reason": "wrong prices"}', "headers": {"Content-Type": "text/plain"}}, 415),
        ({"content": '{"reason": "wrong prices"}'}, 415),
        ({"json": {"reason": "wrong prices", "dag_id": "letters.train"}}, 400),
        ({"json": {"reason": "no"}}, 400),
        ({"json": {"reason": "      "}}, 400),
        ({"json": {"reason": "x" * 501}}, 400),
        ({"json": {"reason": 3}}, 400),
        ({"json": {}}, 400),
        ({"json": []}, 400),
        ({"content": b'{"reason": ', "headers": {"Content-Type": "application/json"}}, 400),
        (
            {"content": b" " * 5000 + b'{"reason": "wrong prices"}', "headers": {"Content-Type": "application/json"}},
            413,
        ),
        ({"content": iter([b'{"reason": "wrong prices"}']), "headers": {"Content-Type": "application/json"}}, 411),
    ],
)
def test_what_is_no_reason_in_json_is_refused_and_leaves_no_trace(browser, ledger, audit, tmp_path, sent, status):
    told = browser("dan").post(f"{PIPELINE}/pause", **sent)
    assert told.status_code == status
    assert "reason" in told.json()["detail"]
    assert not (tmp_path / "home").exists() and audit() == []


def test_a_pipeline_that_is_not_there_cannot_be_paused(browser, ledger, audit):
    assert browser("dan").post("/api/pipelines/nowhere/pause", json={"reason": "wrong prices"}).status_code == 404
    assert audit() == []


@pytest.mark.parametrize(
    "reason", ["<img src=x onerror=alert(1)>", "'; DROP TABLE entries; --", "é\n\u202e\u0000 {0} %s"]
)
def test_a_reason_is_only_ever_a_text(browser, ledger, reason):
    browser("bob").post(f"{PIPELINE}/pause", json={"reason": reason})
    assert ledger.paused("parcels").payload["reason"] == reason
    told = browser("ann").get(PIPELINE)
    assert told.json()["row"]["pause"]["reason"] == reason
    assert told.headers["content-type"] == "application/json"
    assert told.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["a b", "<b>", "%00", "x" * 81, "parcels'--"])
def test_a_name_that_is_none_is_a_bad_parameter(browser, ledger, name):
    told = browser("dan").get(f"/api/pipelines/{name}")
    assert told.status_code in (400, 404)
    assert "Traceback" not in told.text
