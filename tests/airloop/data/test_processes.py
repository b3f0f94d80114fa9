from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import airloop
from airloop import clock
from airloop.data import take
from airloop.workspace import Workspace

TAKE = """
import sys
from pathlib import Path
from airloop import clock
from airloop.data import take
from airloop.spec import load
from airloop.workspace import Workspace

home = Path(sys.argv[1])
workspace = Workspace.from_environment({"AIRLOOP_HOME": str(home)})
take(workspace, load(home / "pipelines" / "demo"), clock.parse("2013-01-31"))
"""

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(airloop.__file__).parents[1])}


@pytest.mark.slow
def test_a_snapshot_that_is_known_needs_no_heavy_library(room, tmp_path):
    room.data |= {"train_window": "29d"}
    room.days(1, 30, per_day=1)
    room.take("2013-01-31")
    heavy = "print([name for name in ('pandas', 'pyarrow', 'sqlalchemy', 'numpy') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", TAKE + heavy, str(tmp_path)], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_a_killed_take_leaves_nothing_half_written_and_a_retry_gives_the_same(room, tmp_path):
    room.data |= {"train_window": "29d"}
    room.days(1, 30, per_day=9)
    pipeline = room.pipeline
    process = subprocess.Popen([sys.executable, "-c", TAKE, str(tmp_path)], env=ENVIRONMENT)
    partitions = tmp_path / "store" / "partitions"
    _wait_for(lambda: len(_names(partitions)) >= 3 or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.wait()
    written = _names(partitions)
    assert 3 <= len(written) < 30, "killed in the middle"
    for kind in ("partitions", "readings"):
        for name in _names(tmp_path / "store" / kind):
            assert room.workspace.store.altered_files(kind, name) == []
    assert not (tmp_path / "store" / "snapshots").exists()

    name, snapshot = room.take("2013-01-31")
    assert written <= {each.digest for each in snapshot.partitions}
    untouched = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path), "AIRLOOP_STORE": str(tmp_path / "other")})
    assert take(untouched, pipeline, clock.parse("2013-01-31")) == (name, snapshot)
    assert json.loads((tmp_path / "store" / "snapshots" / name / "value.json").read_text())["pipeline"] == "demo"


def _names(folder):
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def _wait_for(happened, timeout_s=60):
    end = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.001)
