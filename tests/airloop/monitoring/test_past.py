"""What the retrain policy knows of the past, by what the ledger holds; tiny real ledgers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airloop.ledger import Ledger
from airloop.monitoring import past
from airloop.monitoring.policy import Candidate, Live, WindowFacts
from airloop.monitoring.window import Window
from airloop.refs import Level

MARCH, WEEK = datetime(2013, 3, 18, tzinfo=UTC), timedelta(days=7)
ACT, OK = Level.ACT, Level.OK


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path}/ledger.db")


def week(number: int) -> Window:
    return Window(MARCH + number * WEEK, MARCH + (number + 1) * WEEK)


def found(ledger: Ledger, kind: str, number: int, level: str, *, of: str = "1", **more: Any) -> None:
    payload = {"level": level, "version": of, "rows": 700, **more}
    ledger.record(kind, "flights", week(number).name, payload, as_of=week(number).end, run_id=f"{payload}")


def decided(ledger: Ledger, number: int, action: str) -> None:
    ledger.record("decision", "flights", week(number).name, {"action": action}, as_of=week(number).end)


def judged(ledger: Ledger, version: str, number: int, outcome: str) -> None:
    payload = {"version": version, "outcome": outcome}
    ledger.record("verdict", "flights", f"verdict {version}", payload, as_of=MARCH + number * WEEK)


def live(ledger: Ledger, version: str, number: int, *, restores: int | None = None) -> None:
    before = ledger.live("flights", "local")
    ledger.promote(
        "flights",
        "local",
        bundle=f"bundle {version}",
        version=version,
        data_cut_off=MARCH + number * WEEK,
        expected_generation=before.generation if before else 0,
        run_id=f"run {version} {restores}",
        reasons=[],
        kind="roll_back" if restores else "release",
        restores=restores,
    )


def before(ledger: Ledger, number: int, *, is_binding: bool = True) -> past.Past:
    end = week(number).end
    return past.before(ledger, "flights", "local", week(number), as_of=end, is_binding=is_binding)


def released(ledger: Ledger) -> dict[int, bool]:
    """Return week of its data → whether it was released, for every candidate that came to an end."""
    return {(one.as_of - MARCH) // WEEK: one.was_released for one in before(ledger, 9).candidates}


def test_nothing_is_known_of_a_pipeline_that_never_ran(ledger: Ledger) -> None:
    assert before(ledger, 0) == past.Past((), None, (), ())


def test_earlier_windows_are_known_by_their_last_word_and_later_ones_not(ledger: Ledger) -> None:
    found(ledger, "drift", 0, "OK")
    found(ledger, "drift", 0, "ACT")
    found(ledger, "performance", 0, "WARN", labelled=600)
    found(ledger, "performance", 1, "OK", labelled=650, of="2")
    found(ledger, "drift", 2, "ACT")
    found(ledger, "drift", 3, "ACT")
    known = sorted(before(ledger, 2).windows, key=WindowFacts.age)
    assert known == [
        WindowFacts(week(0), ACT, Level.WARN, rows=700, labelled=600, version="1"),
        WindowFacts(week(1), Level.INCONCLUSIVE, OK, rows=700, labelled=650, version="2"),
    ]


def test_a_look_at_the_past_knows_nothing_later(ledger: Ledger) -> None:
    live(ledger, "1", 0)
    live(ledger, "2", 5)
    judged(ledger, "1", 0, "PROMOTE")
    judged(ledger, "2", 5, "PROMOTE")
    for number in (1, 2, 6):
        decided(ledger, number, "RETRAIN")
    then, now = before(ledger, 2, is_binding=False), before(ledger, 2)
    assert then.live == Live("1", MARCH)
    assert [one.window for one in then.decided] == [week(1)]
    assert then.candidates == (Candidate(MARCH, was_released=True),)
    assert now.live == Live("2", MARCH + 5 * WEEK)
    assert len(now.decided) == 3


def test_an_old_request_is_remembered_behind_any_number_of_decisions_to_wait(ledger: Ledger) -> None:
    decided(ledger, 0, "RETRAIN")
    for number in range(1, 110):
        decided(ledger, number, "WAIT")
    known = past.decisions(ledger, "flights")
    assert len(known) == 101
    assert [one.window for one in known if one.action == "RETRAIN"] == [week(0)]


def test_candidates_that_were_held_or_rejected_were_not_released(ledger: Ledger) -> None:
    judged(ledger, "1", 1, "HOLD")
    judged(ledger, "2", 2, "REJECT")
    assert released(ledger) == {1: False, 2: False}


def test_a_promoted_candidate_counts_once_it_came_to_an_end(ledger: Ledger) -> None:
    for number in range(1, 5):
        judged(ledger, f"{number}", number, "PROMOTE")
    live(ledger, "1", 1)
    ledger.record("rolled_back", "flights", "bundle 2", {"version": "2"}, run_id="r")
    ledger.record("verification", "flights", "bundle 3", {"version": "3", "passed": False})
    ledger.record("verification", "flights", "bundle 4", {"version": "4", "passed": True})
    assert released(ledger) == {1: True, 2: False, 3: False}


def test_a_version_that_was_rolled_back_counts_as_not_released_until_it_is_back(ledger: Ledger) -> None:
    for number in (1, 2):
        judged(ledger, f"{number}", number, "PROMOTE")
        live(ledger, f"{number}", number)
    assert released(ledger) == {1: True, 2: True}
    live(ledger, "1", 1, restores=1)
    assert released(ledger) == {1: True, 2: False}
    live(ledger, "2", 2, restores=2)
    assert released(ledger) == {1: False, 2: True}
