"""What a run does on finding that the target does not serve the ledger's champion."""

from __future__ import annotations

from airloop.release import differences, set_right
from airloop.release.target import Placed, State

from .conftest import Bench


def left_over(bench: Bench) -> list[str]:
    """Release version 1 and leave a candidate beside it, as a rollout does whose run died; return the difference."""
    bench.release(bench.bundle("1"))
    champion = bench.target.send("flights", 0).state.champion
    bench.target.apply("flights", State(champion, Placed("f" * 64, "9"), 10))
    return differences(bench.workspace, "flights", bench.target)


def test_nothing_is_said_of_a_target_that_serves_the_champion(bench: Bench) -> None:
    assert set_right(bench.workspace, "flights", bench.target, run_id="monitor") == []
    bench.release(bench.bundle("1"))
    assert set_right(bench.workspace, "flights", bench.target, run_id="monitor") == []


def test_what_a_dead_rollout_left_is_taken_away(bench: Bench) -> None:
    found = left_over(bench)
    assert len(found) == 1 and "with candidate 9 (10 %)" in found[0]
    said = set_right(bench.workspace, "flights", bench.target, run_id="monitor")
    assert said == [*found, "the target serves the ledger's champion alone again"]
    assert bench.serves() == "version 1"
    # The lease is free again: the next release does not wait for it.
    bench.workspace.ledger.take_lease("flights", bench.target.name, "another", seconds=1)


def test_a_rollout_that_is_on_its_way_is_left_alone(bench: Bench) -> None:
    found = left_over(bench)
    bench.workspace.ledger.take_lease("flights", bench.target.name, "a rollout", seconds=60)
    said = set_right(bench.workspace, "flights", bench.target, run_id="monitor")
    assert said[:-1] == found and "left as it is: flights on local: run 'a rollout' is releasing" in said[-1]
    assert bench.serves() == "version 1 with candidate 9 (10 %)"


def test_a_silent_target_is_told_and_nothing_is_forced(bench: Bench) -> None:
    left_over(bench)
    bench.target.is_up = False
    said = set_right(bench.workspace, "flights", bench.target, run_id="monitor")
    assert said[0].startswith("the target does not say what it serves")
    assert said[1].startswith("left as it is: ")
    bench.workspace.ledger.take_lease("flights", bench.target.name, "another", seconds=1)
