"""Cores are shared: never more threads than cores, no deadlock, and the dead let go."""

from __future__ import annotations

import fcntl
import logging
import math
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from airloop.training import cores

HOLDER = """
import sys, time
from pathlib import Path
from airloop.training import cores
with cores.held(Path(sys.argv[1]), 2, cores=2):
    print("held", flush=True)
    time.sleep(60)
"""


def test_trainings_together_never_have_more_threads_than_cores(tmp_path):
    busy, most, lock = 0, 0, threading.Lock()

    def train(threads: int) -> None:
        nonlocal busy, most
        with cores.held(tmp_path, threads, cores=3):
            with lock:
                busy += threads
                most = max(most, busy)
            time.sleep(0.02)
            with lock:
                busy -= threads

    # Two of 2 and 3 of 3 cores: each could hold a part of what another needs.
    trainings = [threading.Thread(target=train, args=(threads,)) for threads in (2, 2, 1, 3, 2, 1, 3)]
    for training in trainings:
        training.start()
    for training in trainings:
        training.join(20)
    assert not any(training.is_alive() for training in trainings)
    assert most == 3


def test_small_trainings_run_side_by_side(tmp_path):
    with cores.held(tmp_path, 1, cores=2), cores.held(tmp_path, 1, cores=2):
        pass


def test_a_training_with_more_threads_than_cores_takes_them_all_and_runs(tmp_path):
    with cores.held(tmp_path, 8, cores=2):
        assert {path.name for path in cores.folder_of(tmp_path).iterdir()} == {"0", "1", "line"}


def test_a_killed_training_lets_its_cores_go_and_who_waits_is_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "airloop")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        killing = threading.Timer(0.3, holder.kill)
        killing.start()
        started = time.monotonic()
        with cores.held(tmp_path, 1, cores=2):
            waited = time.monotonic() - started
    assert 0.2 < waited < 10
    assert caplog.messages == ["waiting for 1 of this machine's 2 cores: other trainings are at work on them"]


def test_a_failing_training_lets_its_cores_go(tmp_path):
    with pytest.raises(ZeroDivisionError), cores.held(tmp_path, 2, cores=2):
        _ = 1 / 0
    with cores.held(tmp_path, 2, cores=2):
        pass


def test_as_many_trainings_fit_as_their_threads_allow():
    assert cores.at_once(1) == cores.count()
    assert cores.at_once(cores.count()) == 1
    assert cores.at_once(cores.count() + 1) == 1


def test_a_machine_shares_its_cores_with_its_containers_and_with_no_other_machine(tmp_path):
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert cores.folder_of(tmp_path) == tmp_path / "run" / "cores" / boot
    other = tmp_path / "run" / "cores" / "another-machine"
    other.mkdir(parents=True)
    with ExitStack() as theirs:
        for name in ("0", "line"):
            fcntl.flock(theirs.enter_context((other / name).open("a")), fcntl.LOCK_EX)
        with cores.held(tmp_path, 1, cores=1):
            pass


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, math.inf),
        ({"cpu.max": "max 100000"}, math.inf),
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5),
    ],
)
def test_what_a_container_may_use_is_read(tmp_path, files, limit):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    assert cores.limit(tmp_path) == limit
