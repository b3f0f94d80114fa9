"""kill -9 at every moment of a release or a roll back, then a retry, or another run: one release, consistent."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airloop.release.simulated import SimulatedTarget

from .conftest import PASSED, PROMOTED, Bench, pipeline_with, workspace_in

pytestmark = pytest.mark.slow


RULES = {"step_timeout": "10m"}
BEFORE_COMMIT = [
    "before_applying_0",
    "after_applying_0",
    "before_applying_10",
    "in_step_10",
    "after_applying_50",
    "in_step_50",
]
AFTER_COMMIT = [
    "after_committing",
    "before_applying_alone",
    "after_applying_alone",
    "before_recording",
    "after_recording",
]
BACK = ["before_applying_0", "after_applying_0", "after_committing", "before_recording"]
FOLDERS = [f"release-{m}" for m in BEFORE_COMMIT + AFTER_COMMIT] + [f"back-{m}" for m in BACK]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bench]:
    """Benches, each left by a run that was killed at the moment that its name tells."""
    base = tmp_path_factory.mktemp("killed")
    for doing in ("release", "back"):
        prepared(base / doing)
    for name in FOLDERS:
        shutil.copytree(base / name.partition("-")[0], base / name)
    benches = {name: bench_in(base / name) for name in FOLDERS}
    command = [sys.executable, Path(__file__).with_name("dying.py"), *(base / name for name in FOLDERS)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:-1] == [f"{name} {-signal.SIGKILL}" for name in FOLDERS], done.stderr
    return benches


def bench_in(home: Path) -> Bench:
    return Bench(workspace_in(home), SimulatedTarget(home / "target"), rollout=dict(RULES))


def prepared(home: Path) -> Bench:
    """A bench on which version 1 is live (and 2, for a roll back); the next release is written down."""
    bench = bench_in(home)
    bench.release(bench.bundle("1"), run="run-1")
    if home.name.startswith("back"):
        bench.release(bench.bundle("2", days=1), run="run-before")
    bundle = bench.bundle("2", days=1).model_dump(mode="json")
    spec = pipeline_with(home, **RULES).spec.model_dump(mode="json", exclude_unset=True)
    handed = {"verdict": PROMOTED.model_dump(mode="json"), "verification": PASSED.model_dump(mode="json")}
    (home / "given.json").write_text(json.dumps({"bundle": bundle, "spec": spec, **handed}))
    return bench


def live(bench: Bench) -> tuple[int, str, str]:
    champion = bench.workspace.ledger.live("flights", "local")
    assert champion is not None
    return champion.generation, champion.version, champion.kind


@pytest.mark.parametrize("moment", BEFORE_COMMIT + AFTER_COMMIT)
def test_a_killed_release_and_its_retry_make_one_release(killed: dict[str, Bench], moment: str) -> None:
    bench = killed[f"release-{moment}"]
    assert live(bench)[1] == ("2" if moment in AFTER_COMMIT else "1")
    champion = bench.target.send("flights", 0).state.champion
    assert champion is not None
    assert champion.version in ("1", live(bench)[1])
    ref = bench.release(bench.bundle("2", days=1), run="run-2")
    assert (ref.outcome, ref.generation) == ("RELEASED", 2)
    assert live(bench) == (2, "2", "release")
    assert bench.serves() == "version 2"
    assert [champion.generation for champion in bench.workspace.ledger.champions("flights")] == [2, 1]
    assert [entry.run_id for entry in bench.workspace.ledger.entries("flights", "released")] == ["run-2", "run-1"]
    if moment == "in_step_50":
        assert "50 %: goes on where the last try ended" in bench.lines
        assert not any(line.startswith("10 %: ") for line in bench.lines)


@pytest.mark.parametrize("moment", BACK)
def test_a_killed_roll_back_and_its_retry_go_back_once(killed: dict[str, Bench], moment: str) -> None:
    bench = killed[f"back-{moment}"]
    ref = bench.roll_back(run="run-2")
    assert (ref.outcome, ref.version, ref.generation) == ("ROLLED_BACK", "1", 3)
    assert live(bench) == (3, "1", "roll_back")
    assert bench.serves() == "version 1"


@pytest.mark.parametrize("moment", ["in_step_10", "after_committing"])
def test_another_run_does_not_wait_for_a_dead_one(tmp_path: Path, moment: str) -> None:
    bench = prepared(tmp_path / f"release-{moment}")
    command = [sys.executable, Path(__file__).with_name("dying.py"), bench.workspace.home]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, env=environment, capture_output=True, check=True)
    ref = bench.release(bench.bundle("3", days=2), run="run-3")
    assert ref.outcome == "RELEASED"
    assert not any(line.startswith("waiting") for line in bench.lines)
    assert bench.serves() == "version 3"
    assert live(bench)[:2] == ((3 if moment == "after_committing" else 2), "3")
