"""What a roll back would change, told before it is done, agrees with what it then does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.airloop.release.conftest import Bench, workspace_in

from airloop.errors import BundleError, ReleaseRefused, SpecError
from airloop.overview.going_back import going_back
from airloop.overview.shapes import GoingBack
from airloop.release.simulated import SimulatedTarget

SPEC = """\
name: flights
data: {source: {path: "x/*.parquet"}, partition: none, label: {column: late}}
model: {task: binary}
"""


@pytest.fixture
def three(tmp_path: Path) -> Bench:
    """A bench on which versions 1, 2 and 3 were released, each with data a week newer."""
    folder = tmp_path / "pipelines" / "flights"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC)
    bench = Bench(workspace_in(tmp_path), SimulatedTarget(tmp_path / "target", traffic=500))
    for number in (1, 2, 3):
        bench.release(bench.bundle(str(number), days=7 * number))
    return bench


def told(bench: Bench, to: str = "") -> GoingBack:
    return going_back(bench.workspace, "flights", to)


@pytest.mark.parametrize(("to", "version", "days"), [("", "2", 7), ("1", "1", 14), ("#2", "2", 7)])
def test_what_is_told_is_what_happens(three: Bench, to: str, version: str, days: int) -> None:
    said = told(three, to)
    assert said.live is not None
    assert said.to is not None
    assert (said.live.version, said.to.version, said.problem) == ("3", version, "")
    assert said.changes[0].startswith(f"Version {version} answers all requests on local instead of version 3, at once")
    assert said.changes[1].startswith(f"The data gets older by {days} days: it learned from data up to 2013-0")
    assert said.changes[-1].startswith("Version 3 is not released again by itself")
    ref = three.roll_back(to or None)
    assert (ref.version, ref.digest) == (said.to.version, said.to.bundle)
    live = three.workspace.ledger.live("flights", "local")
    assert live is not None
    assert live.data_cut_off == said.to.data_cut_off


def test_every_choice_can_be_gone_back_to_and_is_there_once(three: Bench) -> None:
    three.roll_back("1", run="first")
    choices = [choice.version for choice in told(three).choices]
    assert choices == ["3", "2"]
    for number, choice in enumerate(choices):
        assert told(three, choice).problem == ""
        assert three.roll_back(choice, run=f"again-{number}").version == choice


@pytest.mark.parametrize("to", ["3", "7", "#9"])
def test_what_cannot_be_done_is_a_problem_in_the_words_of_the_roll_back(three: Bench, to: str) -> None:
    said = told(three, to)
    assert (said.to, said.changes) == (None, ())
    with pytest.raises(ReleaseRefused) as refused:
        three.roll_back(to)
    assert said.problem == str(refused.value)


def test_before_the_first_release_there_is_nothing_to_go_back_to(three: Bench) -> None:
    three.roll_back(run="a")
    three.roll_back(run="b")
    said = told(three)
    with pytest.raises(ReleaseRefused) as refused:
        three.roll_back(run="c")
    assert said.problem == str(refused.value)
    assert said.problem.endswith("is the first release, so there is nothing before it to go back to")


def test_nothing_was_ever_released(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines" / "flights"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC)
    said = going_back(workspace_in(tmp_path), "flights")
    assert (said.live, said.choices) == (None, ())
    assert "nothing was ever released" in said.problem


def test_a_bundle_that_is_gone_is_a_problem_and_the_roll_back_says_the_same(three: Bench) -> None:
    shutil.rmtree(three.workspace.store.folder("bundles", three.workspace.ledger.champions("flights")[1].bundle))
    said = told(three)
    with pytest.raises(BundleError) as refused:
        three.roll_back()
    assert said.problem == str(refused.value)
    assert said.to is not None


def test_what_nobody_can_look_at_any_more_is_a_warning(three: Bench) -> None:
    shutil.rmtree(three.workspace.store.folder("snapshots", "5" * 64))
    said = told(three)
    assert said.problem == ""
    assert any("snapshot" in warning and "nobody can look at it again" in warning for warning in said.warnings)
    assert three.roll_back().version == "2"


def test_a_version_that_was_taken_back_itself_is_warned_of(three: Bench) -> None:
    three.roll_back(reason="wrong for Newark")
    (warning,) = told(three, "3").warnings
    assert warning.startswith("Version 3 was taken back itself, by ann at ")
    assert warning.endswith(": “wrong for Newark”.")
    newer = [change for change in told(three, "3").changes if change.startswith("The data gets newer by 7 days")]
    assert len(newer) == 1


def test_a_rollout_under_way_is_cut_off_and_a_pause_is_no_hindrance(three: Bench) -> None:
    ledger = three.workspace.ledger
    ledger.record("certified", "flights", "b4", {"version": "4", "target": "local", "evidence": ""}, run_id="run-4")
    ledger.take_lease("flights", "local", "run-4", seconds=60)
    ledger.pause("flights", by="ann", reason="wrong prices")
    said = told(three)
    assert "The rollout of version 4 that is under way is cut off, and ends as refused." in said.changes
    assert "Releases are paused by ann. A roll back is possible all the same." in said.warnings


def test_looking_changes_nothing(three: Bench) -> None:
    before = three.workspace.ledger.entries("flights")
    told(three)
    told(three, "1")
    assert three.workspace.ledger.entries("flights") == before
    assert three.serves() == "version 3"


def test_a_description_that_cannot_be_read_is_said(three: Bench) -> None:
    (three.workspace.pipelines / "flights" / "pipeline.yaml").write_text("name: [")
    with pytest.raises(SpecError):
        told(three)
