"""kill -9 in the middle of each step, then a retry: nothing half-written, and the same digests as without."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airloop.cli.steps import NEEDS
from airloop.store import MANIFEST, Store

PIPELINE = "breast_cancer"
STEPS = ["take_snapshot", *(step for step in NEEDS if step != "release")]
GIVES = dict(zip(STEPS, ["snapshot", "validation", "model", "verdict", "bundle", "verification"], strict=True))
DYING = """
import os, runpy, sys
moment = sys.argv.pop(1)
def kill(event, arguments):
    if event == moment and f"{os.sep}.scratch{os.sep}" in str(arguments[0]):
        os.kill(os.getpid(), 9)
sys.addaudithook(kill)
runpy.run_module("airloop", run_name="__main__")
"""
"""Runs the command line, and dies at the first file opened in an artifact's scratch folder, or before its rename."""


def command(home: Path, step: str, refs: dict[str, dict], *, dies_at: str = "") -> subprocess.CompletedProcess[str]:
    start = ["-c", DYING, dies_at] if dies_at else ["-m", "airloop"]
    given = {name: refs[name] for name in NEEDS.get(step, ())}
    wanted = ["--refs", json.dumps(given)] if given else ["--as-of", "2024-01-01"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "AIRLOOP_HOME": str(home)}
    words = [sys.executable, *start, step, PIPELINE, *wanted]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def landed(home: Path) -> Path:
    from pipelines.breast_cancer.land import land

    land(home)
    return home


def done(home: Path, step: str, refs: dict[str, dict]) -> dict:
    finished = command(home, step, refs)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_step_leaves_nothing_half_written_and_a_retry_gives_the_same(tmp_path):
    quiet, killed = landed(tmp_path / "quiet"), landed(tmp_path / "killed")
    expected: dict[str, dict] = {}
    refs: dict[str, dict] = {}
    for step in STEPS:
        expected[GIVES[step]] = done(quiet, step, expected)
        for moment in ("open", "os.rename"):
            dead = command(killed, step, refs, dies_at=moment)
            assert dead.returncode == -signal.SIGKILL, f"{step} at {moment}: {dead.stderr}"
            assert_whole(killed)
        refs[GIVES[step]] = done(killed, step, refs)
        assert refs[GIVES[step]]["digest"] == expected[GIVES[step]]["digest"], step
    assert len(list((killed / "store" / "models").iterdir())) == 1
    assert refs["model"]["version"] == "1"


def assert_whole(home: Path) -> None:
    """Every artifact that can be seen is complete, with the bytes that were written."""
    store = Store(str(home / "store"))
    for artifact in (home / "store").glob("[!.]*/*"):
        assert (artifact / MANIFEST).exists(), artifact
        assert store.altered_files(artifact.parent.name, artifact.name) == []
