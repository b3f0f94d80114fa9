"""Questions about many pipelines at once, on SQLite, and on Postgres where there is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.airloop.ledger.conftest import postgres, url

from airloop.ledger import Ledger
from airloop.overview import asking

MARCH = datetime(2013, 3, 18, tzinfo=UTC)
__all__ = ["postgres", "url"]


@pytest.fixture
def ledger(url: str) -> Ledger:
    return Ledger(url)


def week(number: int) -> datetime:
    return MARCH + timedelta(weeks=number)


def drift(ledger, number, name="flights", run_id="", **said):
    payload = {"level": "OK", "distance": number / 100} | said
    return ledger.record("drift", name, f"w{number}", payload, as_of=week(number), run_id=run_id)


def release(ledger, generation, name="flights", target="local", **more):
    given = {"bundle": f"{generation}" * 64, "version": f"{generation}", "data_cut_off": week(generation)} | more
    ledger.promote(name, target, expected_generation=generation - 1, run_id=f"r{generation}", reasons=["why"], **given)


def asked(ledger, question, *given, **more):
    with ledger.reading() as connection:
        return question(connection, *given, **more)


def test_the_last_entry_is_the_one_with_the_newest_data(ledger):
    drift(ledger, 3)
    drift(ledger, 2, level="ACT")
    drift(ledger, 3, run_id="again", level="WARN")
    drift(ledger, 1, name="trains")
    ledger.record("drift", "flights", "w9", {"level": "ACT"})
    found = asked(ledger, asking.last, ["flights", "trains", "planes"])
    assert found["flights"]["drift"].payload["level"] == "WARN"
    assert found["trains"]["drift"].subject == "w1"
    assert found["planes"] == {}
    assert found["flights"]["drift"] == ledger.latest("flights", "drift", limit=1)[0]


def test_the_newest_entries_of_each_come_the_oldest_first(ledger):
    for number in (5, 1, 4, 2, 3):
        drift(ledger, number)
    drift(ledger, 1, name="trains", distance=None)
    rows = asked(ledger, asking.newest, ["flights", "trains"], "drift", 3, level=str, distance=float)
    assert [tuple(row) for row in rows] == [
        ("flights", "w3", "OK", 0.03), ("flights", "w4", "OK", 0.04), ("flights", "w5", "OK", 0.05),
        ("trains", "w1", "OK", None),
    ]  # fmt: skip


def decide(ledger, number, action="RETRAIN"):
    ledger.record("decision", "flights", f"w{number}", {"action": action}, as_of=week(number))


def test_a_decision_to_retrain_waits_until_a_run_answers_it(ledger):
    decide(ledger, 2)
    decide(ledger, 3, "WAIT")
    assert asked(ledger, asking.unanswered, ["flights", "trains"]) == {"flights": "w2"}
    decide(ledger, 4)
    assert asked(ledger, asking.unanswered, ["flights"]) == {"flights": "w4"}
    ledger.record("retraining", "flights", "w4", {"run_id": "r"}, as_of=week(4))
    assert asked(ledger, asking.unanswered, ["flights"]) == {}


def test_what_the_live_version_has_learned_from_needs_no_answer(ledger):
    decide(ledger, 2)
    release(ledger, 1)
    assert asked(ledger, asking.unanswered, ["flights"]) == {"flights": "w2"}
    release(ledger, 2)
    assert asked(ledger, asking.unanswered, ["flights"]) == {}
    back = {"kind": "roll_back", "restores": 1, "bundle": "1" * 64, "version": "1", "data_cut_off": week(1)}
    release(ledger, 3, **back)
    assert asked(ledger, asking.unanswered, ["flights"]) == {"flights": "w2"}


def test_what_came_after_the_newest_verdict(ledger):
    ledger.record("verdict", "flights", "a", {"version": "1"}, as_of=week(1))
    ledger.record("refused", "flights", "b1", {"version": "1"})
    ledger.record("verdict", "flights", "b", {"version": "2"}, as_of=week(2))
    ledger.record("verification", "flights", "b2", {"version": "2", "passed": False}, as_of=week(2))
    ledger.record("refused", "flights", "b2", {"version": "2"})
    ledger.record("refused", "trains", "t", {"version": "1"})
    found = asked(ledger, asking.since_verdict, ["flights", "trains"], ("refused", "verification"))
    assert {name: [one.kind for one in several] for name, several in found.items()} == {
        "flights": ["verification", "refused"]
    }


def test_a_pause_holds_until_it_is_lifted(ledger):
    ledger.pause("flights", by="ann", reason="wrong prices")
    ledger.pause("trains", by="ann", reason="wrong prices")
    ledger.resume("trains", by="bob")
    found = asked(ledger, asking.pauses, ["flights", "trains", "planes"])
    assert {name: entry.payload["by"] for name, entry in found.items()} == {"flights": "ann"}


def test_what_is_live_on_each_target_and_since_when(ledger):
    release(ledger, 1)
    release(ledger, 2)
    back = {"kind": "roll_back", "restores": 1, "bundle": "1" * 64, "version": "1", "data_cut_off": week(1)}
    release(ledger, 3, **back)
    release(ledger, 1, target="docker")
    release(ledger, 1, name="trains")
    live = asked(ledger, asking.live)
    assert [(one.pipeline, one.target, one.version, one.generation) for one, _ in live] == [
        ("flights", "docker", "1", 1), ("flights", "local", "1", 3), ("trains", "local", "1", 1),
    ]  # fmt: skip
    first = ledger.champions("flights", "local")[-1]
    assert live[1][1] == first.recorded_at
    recent = asked(ledger, asking.recent, ["flights"], 2)
    assert [(one.target, one.generation) for one, _ in recent] == [("docker", 1), ("local", 3), ("local", 2)]
