"""Entries: append-only, once per run, the newest first."""

from __future__ import annotations

from datetime import UTC, datetime

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
