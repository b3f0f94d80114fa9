"""Putting versions live: compare-and-swap, forward only, and retries that change nothing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airloop.errors import LostRace, ReleaseRefused
from airloop.ledger import Champion, Ledger

MARCH = datetime(2013, 3, 18, tzinfo=UTC)


def promote(ledger: Ledger, bundle: str, expected: int, *, days: float = 0, run: str = "", **more: Any) -> Champion:
    return ledger.promote(
        "flights",
        "local",
        bundle=bundle,
        version=bundle.upper(),
        data_cut_off=MARCH + timedelta(days=days),
        expected_generation=expected,
        run_id=run or f"run-{bundle}",
        reasons=["good"],
        **more,
    )


def test_nothing_is_live_before_the_first_release(ledger: Ledger) -> None:
    assert ledger.live("flights", "local") is None
    assert ledger.previous("flights", "local") is None
    assert ledger.pipelines("local") == []


def test_the_highest_generation_is_live_and_the_one_before_is_previous(ledger: Ledger) -> None:
    first, second = promote(ledger, "a", 0), promote(ledger, "b", 1, days=7, by="ann")
    assert ledger.live("flights", "local") == second
    assert ledger.previous("flights", "local") == first
    assert (second.generation, second.version, second.by, second.reasons) == (2, "B", "ann", ("good",))
    assert second.data_cut_off == MARCH + timedelta(days=7)
    assert ledger.champions("flights") == [second, first]
    assert ledger.pipelines("local") == ["flights"]
    assert ledger.live("flights", "docker") is None


def test_a_release_that_expected_another_champion_loses_the_race(ledger: Ledger) -> None:
    promote(ledger, "a", 0)
    with pytest.raises(
        LostRace, match=r"flights on local: expected generation 0 to be live, but version A .* run 'run-a'"
    ):
        promote(ledger, "b", 0, days=7)
    with pytest.raises(LostRace, match="expected generation 4"):
        promote(ledger, "b", 4, days=7)


def test_an_older_data_cut_off_is_refused_whatever_kind_of_run_asks(ledger: Ledger) -> None:
    promote(ledger, "a", 0, days=7)
    for run in ("backfill__2013-03-18", "manual__2013-03-18", "scheduled__2013-03-18"):
        with pytest.raises(ReleaseRefused) as refused:
            promote(ledger, "b", 1, run=run)
        assert "data up to 2013-03-18, older than the champion's 2013-03-25" in str(refused.value)
        assert "to go back use `python -m airloop rollback`" in str(refused.value)
    assert ledger.refusal("flights", "local", bundle="b", version="B", data_cut_off=MARCH, run_id="x")


def test_an_equal_data_cut_off_is_allowed(ledger: Ledger) -> None:
    promote(ledger, "a", 0)
    assert ledger.refusal("flights", "local", bundle="b", version="B", data_cut_off=MARCH, run_id="x") == ""
    assert promote(ledger, "b", 1).generation == 2


def test_a_retry_gets_the_champion_that_its_run_made(ledger: Ledger) -> None:
    made = promote(ledger, "a", 0)
    assert promote(ledger, "a", 0) == made
    assert promote(ledger, "a", 1, run="another") == made
    assert ledger.champions("flights") == [made]


def test_a_late_retry_brings_nothing_back(ledger: Ledger) -> None:
    promote(ledger, "a", 0)
    promote(ledger, "b", 1)
    with pytest.raises(
        ReleaseRefused, match=r"run 'run-a' already put version A live as generation 1; .* start a new run"
    ):
        promote(ledger, "a", 2)


def test_a_roll_back_goes_back_and_says_so(ledger: Ledger) -> None:
    first = promote(ledger, "a", 0)
    promote(ledger, "b", 1, days=7)
    back = promote(ledger, "a", 2, run="undo", kind="roll_back", restores=1)
    assert (back.kind, back.generation, back.data_cut_off) == ("roll_back", 3, first.data_cut_off)
    assert ledger.live("flights", "local") == back


def test_what_was_rolled_back_is_not_released_again_unless_a_person_names_it(ledger: Ledger) -> None:
    promote(ledger, "a", 0)
    promote(ledger, "b", 1, days=7)
    promote(ledger, "a", 2, run="undo", kind="roll_back", restores=1)
    with pytest.raises(ReleaseRefused, match=r"rolled back in generation 3 \(good\).*airloop rollback flights --to B`"):
        promote(ledger, "b", 3, days=7, run="new")
    assert promote(ledger, "b", 3, days=7, run="by-hand", kind="roll_back", restores=2).generation == 4
    assert promote(ledger, "c", 4, days=14).generation == 5
    assert promote(ledger, "b", 5, days=14, run="newer").generation == 6


def test_previous_looks_through_roll_backs(ledger: Ledger) -> None:
    first = promote(ledger, "a", 0)
    promote(ledger, "b", 1)
    promote(ledger, "c", 2)
    promote(ledger, "b", 3, run="undo", kind="roll_back", restores=2)
    assert ledger.previous("flights", "local") == first
    promote(ledger, "a", 4, run="undo-2", kind="roll_back", restores=1)
    assert ledger.previous("flights", "local") is None
    promote(ledger, "d", 5)
    previous = ledger.previous("flights", "local")
    assert previous is not None
    assert (previous.bundle, previous.released_as) == ("a", 1)


def test_many_at_once_make_one_champion_per_generation(ledger: Ledger) -> None:
    ledger.live("flights", "local")
    outcomes: list[str] = []
    begin = threading.Barrier(8)

    def race(number: int) -> None:
        begin.wait()
        try:
            outcomes.append(f"won {promote(Ledger(ledger.url), f'b{number}', 0, days=number).generation}")
        except LostRace:
            outcomes.append("lost")

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost"] * 7 + ["won 1"]
    assert len(ledger.champions("flights")) == 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-2, 2)), min_size=1, max_size=8))
def test_whatever_is_asked_releases_never_move_back(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[int, int]]
) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db")
    for number, (days, guess) in enumerate(asked):
        live = ledger.live("flights", "local")
        generation = live.generation if live else 0
        try:
            promote(ledger, f"b{number}", generation + guess, days=days)
        except ReleaseRefused:
            assert ledger.live("flights", "local") == live
        else:
            assert guess == 0
    made = ledger.champions("flights")[::-1]
    assert [champion.generation for champion in made] == list(range(1, len(made) + 1))
    assert [champion.data_cut_off for champion in made] == sorted(champion.data_cut_off for champion in made)
