from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid

import psutil
import pytest

from airloop.laptop import processes

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}], start_new_session=True).wait()"
)


@pytest.fixture
def mark():
    mark = uuid.uuid4().hex
    yield mark
    for process in processes.marked(mark):
        process.kill()


def start(code, mark, log):
    return processes.start([sys.executable, "-c", code], {**os.environ, processes.MARK: mark}, log)


def until(is_true, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_grandchild_that_ignores_the_signal_is_ended_too(mark, tmp_path):
    parent = start(PARENT, mark, tmp_path / "log")
    until(lambda: (tmp_path / "log").read_text() == "up\n")
    assert len(processes.marked(mark)) == 2
    processes.end([psutil.Process(parent.pid)], mark, patience_s=0.3)
    assert processes.marked(mark) == []
    parent.wait(5)


def test_other_processes_are_left_alone(mark, tmp_path):
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        ours = start("import time; time.sleep(60)", mark, tmp_path / "log")
        processes.end([psutil.Process(ours.pid)], mark, patience_s=2)
        ours.wait(5)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_the_end_of_a_log_is_shown_indented(tmp_path):
    (tmp_path / "log").write_text("\n".join(f"line {number}" for number in range(100)))
    assert processes.last_lines(tmp_path / "log", 2) == "  line 98\n  line 99"
    assert processes.last_lines(tmp_path / "none") == "  (no log)"
