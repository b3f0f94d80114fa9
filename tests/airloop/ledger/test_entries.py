"""Entries: append-only, once per run, the newest first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from airloop.errors import LedgerError
from airloop.ledger import Ledger, database

MARCH = datetime(2013, 3, 18, tzinfo=UTC)


def test_an_entry_comes_back_as_it_was_recorded(ledger: Ledger) -> None:
    before = datetime.now(UTC)
    ledger.record("verdict", "flights", "digest", {"outcome": "HOLD", "Größe": [1.5, None]}, as_of=MARCH, run_id="r")
    (entry,) = ledger.entries("flights")
    assert (entry.kind, entry.subject, entry.as_of, entry.run_id) == ("verdict", "digest", MARCH, "r")
    assert entry.payload == {"outcome": "HOLD", "Größe": [1.5, None]}
    assert before <= entry.recorded_at <= datetime.now(UTC)


def test_a_retry_leaves_the_first_entry(ledger: Ledger) -> None:
    for number in range(3):
        ledger.record("verdict", "flights", "digest", {"try": number}, run_id="r")
    ledger.record("verdict", "flights", "digest", {"try": 0}, run_id="another run")
    assert [entry.payload["try"] for entry in ledger.entries("flights")] == [0, 0]


def test_entries_are_found_by_kind_and_subject_newest_first(ledger: Ledger) -> None:
    for number in range(5):
        ledger.record("verdict" if number % 2 else "released", "flights", f"d{number}", {})
    assert [entry.subject for entry in ledger.entries("flights")] == ["d4", "d3", "d2", "d1", "d0"]
    assert [entry.subject for entry in ledger.entries("flights", "verdict")] == ["d3", "d1"]
    assert [entry.subject for entry in ledger.entries("flights", limit=2)] == ["d4", "d3"]
    assert [entry.kind for entry in ledger.entries("flights", subject="d3")] == ["verdict"]
    assert ledger.entries("churn") == []


def test_a_payload_that_is_not_json_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="flights: entry 'verdict' of digest is not JSON: Out of range float"):
        ledger.record("verdict", "flights", "digest", {"auc": float("nan")})
    assert ledger.entries("flights") == []


@pytest.mark.parametrize("change", ["UPDATE {} SET run_id = 'x'", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["entries", "champions"])
def test_the_database_refuses_to_change_history(ledger: Ledger, change: str, table: str) -> None:
    ledger.record("verdict", "flights", "digest", {})
    ledger.promote(
        "flights", "local", bundle="a", version="1", data_cut_off=MARCH, expected_generation=0, run_id="r", reasons=[]
    )
    with (
        pytest.raises(LedgerError, match="append-only: entries and champions only grow; add a new one instead"),
        database.writing(database.engine_for(ledger.url)) as connection,
    ):
        connection.execute(sa.text(change.format(table)))
    assert len(ledger.entries("flights")) == len(ledger.champions("flights")) == 1


def test_the_latest_are_those_with_the_newest_as_of_whenever_they_were_recorded(ledger: Ledger) -> None:
    for day in (3, 1, 2):
        ledger.record("drift", "flights", f"d{day}", {}, as_of=MARCH + timedelta(days=day))
    ledger.record("drift", "flights", "timeless", {})
    ledger.record("drift", "churn", "d4", {}, as_of=MARCH + timedelta(days=4))
    assert [entry.subject for entry in ledger.latest("flights", "drift")] == ["d3", "d2", "d1"]
    assert [entry.subject for entry in ledger.latest("flights", "drift", limit=1)] == ["d3"]
    until = MARCH + timedelta(days=2)
    assert [entry.subject for entry in ledger.latest("flights", "drift", until=until)] == ["d2", "d1"]


def test_the_latest_are_found_by_what_their_payload_says(ledger: Ledger) -> None:
    for day, action in enumerate(["WAIT", "RETRAIN", "WAIT", "RETRAIN"]):
        ledger.record("decision", "flights", f"w{day}", {"action": action}, as_of=MARCH + timedelta(days=day))
    ledger.record("decision", "flights", "w9", {"reasons": ["RETRAIN"]}, as_of=MARCH)
    found = ledger.latest("flights", "decision", action="RETRAIN")
    assert [entry.subject for entry in found] == ["w3", "w1"]


def test_one_entry_is_found_by_kind_subject_and_run(ledger: Ledger) -> None:
    ledger.record("decision", "flights", "w1", {"action": "WAIT"})
    ledger.record("decision", "flights", "w1", {"action": "RETRAIN"}, run_id="r")
    found, of_run = ledger.entry("flights", "decision", "w1"), ledger.entry("flights", "decision", "w1", run_id="r")
    assert found is not None
    assert of_run is not None
    assert (found.payload["action"], of_run.payload["action"]) == ("WAIT", "RETRAIN")
    assert ledger.entry("flights", "decision", "w2") is None


def test_of_writers_at_once_one_wins_and_all_learn_who(ledger: Ledger) -> None:
    def write(number: int) -> str:
        entry = Ledger(ledger.url).record("retraining", "flights", "w1", {"run_id": f"r{number}"})
        return str(entry.payload["run_id"])

    with ThreadPoolExecutor(4) as pool:
        told = set(pool.map(write, range(4)))
    assert len(told) == 1
    assert len(ledger.entries("flights", "retraining")) == 1
