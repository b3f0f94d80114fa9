"""The ladder shows a real release: while it climbs, and how it ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.airloop.release.conftest import Bench, workspace_in

from airloop.overview.ladder import ladder
from airloop.overview.shapes import Ladder, Live, Traffic
from airloop.release.simulated import Behaviour, SimulatedTarget

from .one_pipeline import NAME, SPEC, OnePipeline


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    folder = tmp_path / "pipelines" / NAME
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC.replace("APPROVAL", "none"), encoding="utf-8")
    return Bench(workspace_in(tmp_path), SimulatedTarget(tmp_path / "target"))


def shown(bench: Bench, live: Live | None = None) -> Ladder:
    found = ladder(bench.workspace, NAME, live)
    assert found is not None
    return found


def rungs(found: Ladder) -> list[tuple[str, str]]:
    return [(rung.label, rung.state) for rung in found.rungs]


def serving(percent: int, *, is_shadow: bool = False) -> Live:
    numbers = {"requests": 120, "failures": 0, "per_second": 2.0, "p50_ms": 1.0, "p99_ms": 3.0}
    candidate = Traffic(version="2", percent=percent, **numbers)  # type: ignore[arg-type]
    return Live(pipeline=NAME, target="local", candidate=candidate, is_shadow=is_shadow)


def test_nothing_rolled_out_is_no_ladder(bench: Bench) -> None:
    assert ladder(bench.workspace, NAME, None) is None


def test_a_first_release_goes_straight_to_the_top(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    found = shown(bench)
    assert (rungs(found), found.champion, found.candidate) == ([("100 %", "passed")], "", "1")
    assert (found.is_running, found.ended, found.target) == (False, "RELEASED", "local")


def test_a_release_that_climbed_says_what_was_counted_on_each_step(bench: Bench) -> None:
    for number in (1, 2):
        bench.release(bench.bundle(str(number), days=number))
    found = shown(bench)
    assert rungs(found) == [("10 %", "passed"), ("50 %", "passed"), ("100 %", "passed")]
    assert (found.champion, found.candidate, found.needed) == ("1", "2", 200)
    assert found.rungs[0].reasons[0].startswith("10 %: 2")
    assert found.ended_at is not None


def test_a_rollout_that_was_judged_worse_ends_on_its_step(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.target.behaviours["2"] = Behaviour(failure_rate=0.5)
    bench.release(bench.bundle("2", days=1))
    found = shown(bench)
    assert rungs(found) == [("10 %", "failed"), ("50 %", "skipped"), ("100 %", "skipped")]
    assert (found.ended, found.champion, found.candidate) == ("ROLLED_BACK", "1", "2")
    assert "failed" in found.reasons[0]


def test_a_roll_back_by_a_person_is_no_rollout(bench: Bench) -> None:
    for number in (1, 2):
        bench.release(bench.bundle(str(number), days=number))
    bench.roll_back()
    found = shown(bench)
    assert (found.ended, found.candidate) == ("RELEASED", "2")


def test_a_refused_release_climbed_nothing(bench: Bench) -> None:
    bench.release(bench.bundle("1", days=9))
    bench.release(bench.bundle("2", days=1))
    found = shown(bench)
    assert (found.ended, {rung.state for rung in found.rungs}) == ("REFUSED", {"skipped"})
    assert "older" in found.reasons[0] or "newer" in found.reasons[0]


def test_while_it_climbs_the_step_is_the_one_that_the_target_shows(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    seen: list[Ladder] = []

    def look(line: str) -> None:
        if line.startswith("50 %"):
            seen.append(shown(bench, serving(50)))

    bench.release(bench.bundle("2", days=1), report=look)
    found = seen[0]
    assert found.is_running
    assert rungs(found) == [("10 %", "passed"), ("50 %", "now"), ("100 %", "to come")]
    assert (found.candidate, found.champion, found.ended) == ("2", "1", "")
    assert found.live is not None and found.live.candidate is not None and found.live.candidate.requests == 120
    assert not shown(bench).is_running


@pytest.fixture
def climbing(tmp_path: Path) -> OnePipeline:
    one = OnePipeline.at(tmp_path / "one")
    one.went_live("1")
    one.certified("2", "run-9")
    one.workspace.ledger.take_lease(NAME, "local", "run-9", seconds=60)
    return one


@pytest.mark.parametrize("live", [None, Live(pipeline=NAME, target="local", problem="silent"), serving(0)])
def test_where_the_target_shows_no_step_all_are_to_come(climbing: OnePipeline, live: Live | None) -> None:
    found = ladder(climbing.workspace, NAME, live)
    assert found is not None and found.is_running
    assert {rung.state for rung in found.rungs} == {"to come"}


def test_a_broken_description_shows_what_was_judged(climbing: OnePipeline) -> None:
    climbing.broken()
    found = ladder(climbing.workspace, NAME, None)
    assert found is not None
    assert (found.is_running, found.needed, rungs(found)) == (False, 0, [("100 %", "passed")])


def test_a_retry_that_went_on_half_way_passed_the_steps_before(tmp_path: Path) -> None:
    one = OnePipeline.at(tmp_path / "one")
    one.went_live("1")
    step = {"step": "50 %", "action": "ROLL_BACK", "reasons": ["5 of 100 failed"]}
    one.ended("ROLLED_BACK", "2", "run-2", 1, steps=[step])
    found = ladder(one.workspace, NAME, None)
    assert found is not None
    assert rungs(found) == [("10 %", "passed"), ("50 %", "failed"), ("100 %", "skipped")]
