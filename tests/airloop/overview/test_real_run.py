"""What a real run leaves behind fills every page of its pipeline."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airloop import steps
from airloop.overview.candidate import candidate
from airloop.overview.ladder import ladder
from airloop.overview.leaderboard import leaderboard
from airloop.overview.lineage import lineage
from airloop.overview.time_line import time_line
from airloop.overview.validations import validations
from airloop.refs import Outcome, ReleaseOutcome
from airloop.release import release
from airloop.release.simulated import SimulatedTarget
from airloop.spec import Pipeline, find
from airloop.workspace import Workspace

pytestmark = pytest.mark.slow
NAME = "breast_cancer"
AS_OF = datetime(2026, 3, 2, tzinfo=UTC)
COMMIT = "ab" * 20


@dataclass(frozen=True)
class Home:
    """A home in which one version was released, and where its store lies."""

    workspace: Workspace
    version: str


def land(pipeline: Pipeline, home: Path) -> None:
    spec = importlib.util.spec_from_file_location("land", pipeline.folder / "land.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.land(home)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home with one version trained, judged, verified and released, all really but for the target."""
    home = tmp_path_factory.mktemp("real")
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(home)})
    pipeline = find(NAME, workspace)
    land(pipeline, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRLOOP_COMMIT", COMMIT)
        snapshot = steps.take_snapshot(workspace, pipeline, as_of=AS_OF)
        validation = steps.validate_data(workspace, pipeline, snapshot=snapshot)
        model = steps.train_model(workspace, pipeline, snapshot=snapshot, validation=validation)
        made = {"snapshot": snapshot, "model": model}
        verdict = steps.judge_candidate(workspace, pipeline, validation=validation, **made)
        assert verdict.outcome is Outcome.PROMOTE, verdict.reasons
        bundle = steps.package_bundle(workspace, pipeline, verdict=verdict, **made)
        verification = steps.verify_bundle(workspace, pipeline, bundle=bundle)
        refs = {"bundle": bundle, "verdict": verdict, "verification": verification}
        target = SimulatedTarget(home / "target")
        ended = release(workspace, pipeline, **refs, run_id="r", by="ada", report=lambda line: None, target=target)
    assert ended.outcome is ReleaseOutcome.RELEASED
    return Home(Workspace.from_environment({"AIRLOOP_HOME": str(home)}), model.version)


@pytest.mark.timeout(300)
def test_a_real_candidate_has_all_its_numbers(real: Home) -> None:
    found = candidate(real.workspace, NAME)
    assert found is not None
    assert (found.version, found.outcome, found.problem) == (real.version, "PROMOTE", "")
    spec = find(NAME, real.workspace).spec
    assert len(found.gates) == len(spec.gates)
    assert all(gate.margin is not None and gate.margin >= 0 for gate in found.gates if gate.number.value is not None)
    assert {stage.state for stage in found.stages} == {"done"}
    assert next(one.says for one in found.stages if one.name == "approve_release") == "ada approved"
    page = real.workspace.store.folder("verdicts", found.report.split("/")[4]) / "report.html"
    assert page.is_file()


def test_a_real_release_is_traced_down_to_rows_and_commit(real: Home) -> None:
    found = lineage(real.workspace, NAME, real.version)
    assert {one.name: one.state for one in found.links if one.state != "holds"} == {}
    assert (found.commit, found.is_signed, found.problem) == (COMMIT, True, "")
    assert sum(part.rows for part in found.partitions) == 569
    assert found.links[1].says == ("the same as today",)


def test_a_real_run_is_told_on_every_page(real: Home) -> None:
    (row,) = validations(real.workspace, NAME).rows
    assert (row.passed, row.rows, row.as_of) == (True, 569, AS_OF)
    assert leaderboard(real.workspace, NAME).rows[0].live == "live"
    climbed = ladder(real.workspace, NAME, None)
    assert climbed is not None and climbed.ended == "RELEASED"
    line = time_line(real.workspace, NAME)
    assert [event.kind for event in line.events] == ["cut_off", "verdict", "released"]
    assert line.events[-1].by == "ada"
