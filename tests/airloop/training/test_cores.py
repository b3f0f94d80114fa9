"""Cores are shared: never more threads than cores, no deadlock, and the dead let go."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

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
        assert {path.name for path in (tmp_path / "run" / "cores").iterdir()} == {"0", "1", "line"}


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
