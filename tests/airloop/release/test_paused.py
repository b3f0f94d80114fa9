"""Releases that a person has paused: refused before anything is touched, or at the commit of a climb under way."""

from __future__ import annotations

import pytest

from airloop.errors import AirloopError
from airloop.release.simulated import SimulatedTarget
from airloop.release.target import State

from .conftest import Bench

SAID = "flights: releases are paused by ann since"


def pause(bench: Bench) -> None:
    bench.workspace.ledger.pause("flights", by="ann", reason="wrong prices")


def test_a_release_is_refused_before_anything_is_touched(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    pause(bench)
    bench.lines.clear()
    ref = bench.release(bench.bundle("2"))
    assert (ref.outcome, ref.generation) == ("REFUSED", 1)
    assert ref.reasons[0].startswith(SAID)
    assert ref.reasons[0].endswith("wrong prices; `python -m airloop resume flights` lets them go on")
    assert bench.serves() == "version 1"
    assert [line for line in bench.lines if "%" in line] == []
    assert bench.workspace.ledger.entries("flights", "certified", subject=ref.digest) == []
    (refused,) = bench.workspace.ledger.entries("flights", "refused")
    assert refused.payload["reasons"] == list(ref.reasons)


def test_the_first_release_is_refused_too(bench: Bench) -> None:
    pause(bench)
    assert bench.release(bench.bundle("1")).outcome == "REFUSED"
    assert bench.target.observe("flights").state == State()


def test_a_pause_during_the_climb_refuses_it_at_its_commit_and_the_champion_answers_alone(bench: Bench) -> None:
    bench.release(bench.bundle("1"))

    def stop(line: str) -> None:
        bench.lines.append(line)
        if line.startswith("10 %: PROMOTE"):
            pause(bench)

    bench.target.traffic = 500
    ref = bench.release(bench.bundle("2"), report=stop)
    assert any(line.startswith("50 %: PROMOTE") for line in bench.lines)
    assert ref.outcome == "REFUSED"
    assert ref.reasons[0].startswith(SAID)
    assert bench.serves() == "version 1"
    assert len(bench.workspace.ledger.champions("flights")) == 1


def test_a_pause_during_the_first_release_takes_its_candidate_away_again(bench: Bench) -> None:
    class Late(SimulatedTarget):
        """A target that takes its time: somebody pauses while it loads."""

        def apply(self, pipeline: str, state: State) -> None:
            super().apply(pipeline, state)
            bench.workspace.ledger.pause(pipeline, by="ann", reason="wrong prices")

    bench.target = Late(bench.target.folder)
    ref = bench.release(bench.bundle("1"))
    assert ref.outcome == "REFUSED"
    assert ref.reasons[0].startswith(SAID)
    assert bench.target.observe("flights").state == State()


def test_a_retry_of_a_release_that_is_live_already_finishes_while_paused(bench: Bench) -> None:
    bundle = bench.bundle("1")
    first = bench.release(bundle)
    pause(bench)
    assert bench.release(bundle) == first


def test_once_resumed_the_same_run_releases_when_it_is_tried_again(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    pause(bench)
    bundle = bench.bundle("2")
    assert bench.release(bundle).outcome == "REFUSED"
    bench.workspace.ledger.resume("flights", by="bob")
    bench.target.traffic = 500
    assert bench.release(bundle).outcome == "RELEASED"


def test_a_roll_back_works_while_paused(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.target.traffic = 500
    bench.release(bench.bundle("2", days=1))
    pause(bench)
    assert bench.roll_back().version == "1"
    assert bench.serves() == "version 1"


def test_another_pipelines_pause_stops_nobody(bench: Bench) -> None:
    bench.workspace.ledger.pause("trains", by="ann", reason="wrong prices")
    assert bench.release(bench.bundle("1")).outcome == "RELEASED"


def test_a_first_release_refused_on_a_silent_target_says_so(bench: Bench) -> None:
    pause(bench)
    bench.target.is_up = False
    try:
        ref = bench.release(bench.bundle("1"))
    except AirloopError as error:  # pragma: no cover
        pytest.fail(f"refused, not failed: {error}")
    assert ref.reasons[-1].startswith("the target could not be asked to take the candidate away: simulated target")
