"""Pages are read without what trains models: an API server that shows them does not hold it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from airloop.refs import Level
from airloop.workspace import PROJECT

from .one_pipeline import NAME, OnePipeline

CODE = """
import sys
from airloop.overview import backtests, candidate, ladder, leaderboard, lineage, time_line, validations
from airloop.workspace import Workspace

workspace, name = Workspace.from_environment(), sys.argv[1]
assert time_line.time_line(workspace, name).bands
assert candidate.candidate(workspace, name).gates
assert ladder.ladder(workspace, name, None).rungs
assert leaderboard.leaderboard(workspace, name).rows
assert lineage.lineage(workspace, name, "1").links
validations.validations(workspace, name), backtests.backtests(workspace, name)
heavy = {"pandas", "scipy", "xgboost", "sklearn", "pyarrow", "mlflow", "great_expectations", "docker", "kubernetes"}
print(*sorted(heavy & {*sys.modules}))
"""


@pytest.mark.slow
def test_no_page_of_a_pipeline_brings_in_what_trains_models(tmp_path: Path) -> None:
    one = OnePipeline.at(tmp_path)
    one.judged("1")
    one.went_live("1")
    one.watched(2, Level.ACT)
    environ = {"PYTHONPATH": str(PROJECT / "include"), "AIRLOOP_HOME": str(tmp_path)}
    environ["AIRLOOP_PIPELINES"] = str(one.workspace.pipelines)
    command = [sys.executable, "-c", CODE, NAME]
    done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
