"""Two runs at once: one champion per generation, never an older cut-off, and a person's roll back comes first."""

from __future__ import annotations

import threading

import pytest

from airloop.errors import LostRace
from airloop.refs import ReleaseRef
from airloop.release.simulated import SimulatedTarget
from airloop.release.target import State
from airloop.release.waiting import Pace

from .conftest import Bench


def test_two_runs_at_once_release_one_after_the_other_and_never_older_data(bench: Bench) -> None:
    bench.release(bench.bundle("0"))
    bench.target.traffic = 500
    bundles = [bench.bundle(str(days), days=days) for days in (3, 1, 2, 4)]
    refs: list[ReleaseRef] = []
    begin = threading.Barrier(len(bundles))

    def run(number: int) -> None:
        begin.wait()
        refs.append(bench.release(bundles[number], pace=Pace(look_every_s=0.01)))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(bundles))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    champions = bench.workspace.ledger.champions("flights")[::-1]
    assert [champion.generation for champion in champions] == list(range(1, len(champions) + 1))
    cut_offs = [champion.data_cut_off for champion in champions]
    assert cut_offs == sorted(cut_offs)
    assert champions[-1].version == bench.serves().removeprefix("version ") == "4"
    assert sorted(ref.version for ref in refs) == ["1", "2", "3", "4"]
    assert {ref.version for ref in refs if ref.outcome == "RELEASED"} == {c.version for c in champions[1:]}
    assert all(ref.outcome == "REFUSED" for ref in refs if ref.version not in {c.version for c in champions})


def test_a_run_that_finds_another_one_releasing_waits_then_says_who(bench: Bench) -> None:
    bench.rollout = {"steps": [100], "step_timeout": "30s"}
    bench.workspace.ledger.take_lease("flights", "local", "the other run", seconds=9999)
    with pytest.raises(LostRace, match="flights on local: run 'the other run' is releasing"):
        bench.release(bench.bundle("1"))
    assert bench.clockwork.seconds == 2 * 30 + 2 * 60
    assert bench.lines[0].startswith("waiting: flights on local: run 'the other run' is releasing")
    assert bench.target.send("flights", 0).state.candidate is None


def test_a_release_that_overwrites_a_roll_back_by_a_hair_puts_it_right(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.release(bench.bundle("2"))
    real, undone = bench.target.apply, False

    class Late(SimulatedTarget):
        """What a release tells it arrives only after a whole roll back."""

        def apply(self, pipeline: str, state: State) -> None:
            nonlocal undone
            if not undone and state.candidate_percent == 50:
                undone = True
                bench.target = SimulatedTarget(self.folder)
                bench.roll_back()
            real(pipeline, state)

    bench.target = Late(bench.target.folder)
    assert bench.release(bench.bundle("3")).outcome == "REFUSED"
    assert bench.serves() == "version 1"


def test_a_roll_back_takes_over_from_a_release_in_progress(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.release(bench.bundle("2"))

    def undo(line: str) -> None:
        if line.startswith("10 %: PROMOTE"):
            bench.roll_back()

    ref = bench.release(bench.bundle("3"), report=undo)
    assert ref.outcome == "REFUSED"
    assert ref.reasons == ("flights on local: run 'undo' took over from run 'run-3'",)
    assert bench.serves() == "version 1"
    live = bench.workspace.ledger.live("flights", "local")
    assert live is not None
    assert (live.version, live.kind) == ("1", "roll_back")
