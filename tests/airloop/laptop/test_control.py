"""Starting and stopping from a shell, as far as that needs no Airflow; the rest is in tests/integration."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid

import pytest

from airloop.laptop import control, ports, processes, state
from airloop.laptop.processes import StackFailed

pytestmark = pytest.mark.slow

OWNER = """
import pathlib, sys, time
from airloop.laptop import state
home, mark, phase, after = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])
while not after.exists():
    time.sleep(0.01)
with state.only_one(home) as free:
    assert free
    known = state.State(mark=mark, pid=__import__("os").getpid(), user="admin", password_file=str(home / "passwords"))
    known.write(home, phase=phase, airflow_url="http://127.0.0.1:1", error="no room")
    time.sleep(60)
"""


@pytest.fixture
def mark():
    mark = uuid.uuid4().hex
    yield mark
    for process in processes.marked(mark):
        process.kill()


@pytest.fixture
def environ(tmp_path):
    (tmp_path / "passwords").write_text(json.dumps({"admin": "secret"}))
    return {**os.environ, "AIRLOOP_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}


def started(mark, environ, code, *words):
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.Popen(command, env={**environ, processes.MARK: mark})


def held(home):
    deadline = time.monotonic() + 20
    while not state.is_held(home) or state.read(home) is None:
        assert time.monotonic() < deadline, "nobody took the stack"
        time.sleep(0.05)


def test_what_a_killed_supervisor_left_is_ended_before_another_starts(tmp_path, environ, mark):
    """Two schedulers on one database, and `make down` would find only the new one."""
    with started(mark, environ, "import time; time.sleep(60)"), socket.socket() as listener:
        state.State(mark=mark, pid=1).write(tmp_path, phase="ready")
        listener.bind((ports.HOST, 0))
        listener.listen()
        environ["AIRLOOP_SERVER_PORT"] = str(listener.getsockname()[1])
        told = []
        # The taken port keeps the test from starting a whole Airflow; what was left is ended before that is seen.
        with pytest.raises(ports.PortTaken, match="for the model server is taken"):
            control.up(environ=environ, report=told.append)
        assert processes.marked(mark) == []
    assert told == ["ending what a stack left that was killed"]
    assert not state.is_held(tmp_path)


def test_the_slower_of_two_starts_waits_for_the_stack_of_the_other(tmp_path, environ, mark):
    """The other takes the stack when this one's supervisor is on its way, and is ready at once."""
    with started(mark, environ, OWNER, tmp_path, mark, "ready", tmp_path / "logs" / "supervisor.log") as owner:
        stack = control.up(environ=environ)
        assert stack.was_running
        assert (stack.airflow_url, stack.password) == ("http://127.0.0.1:1", "secret")
        owner.kill()


def test_the_state_of_an_earlier_stack_is_not_taken_for_that_of_the_one_that_starts(tmp_path, environ, mark):
    state.State(mark="of one long ago", pid=1).write(tmp_path, phase="ready", airflow_url="http://127.0.0.1:2")
    found = []
    with state.only_one(tmp_path) as free:
        assert free
        shell = threading.Thread(target=lambda: found.append(control.up(environ=environ)))
        shell.start()
        time.sleep(0.7)
        assert found == []
        with started(mark, environ, "import time; time.sleep(60)") as owner:
            known = state.State(mark=mark, pid=owner.pid, user="admin", password_file=str(tmp_path / "passwords"))
            known.write(tmp_path, phase="ready", airflow_url="http://127.0.0.1:1")
            shell.join(20)
            owner.kill()
    assert [stack.airflow_url for stack in found] == ["http://127.0.0.1:1"]


def test_a_stack_that_is_ended_while_it_starts_is_not_started_by_a_shell_that_waits_for_it(tmp_path, environ, mark):
    with started(mark, environ, OWNER, tmp_path, mark, "starting", tmp_path) as owner:
        held(tmp_path)
        ends = threading.Timer(1, owner.kill)
        ends.start()
        with pytest.raises(StackFailed, match="was ended before it was ready"):
            control.up(environ=environ)
        ends.join()


def test_a_start_in_another_shell_that_fails_says_why(tmp_path, environ, mark):
    with started(mark, environ, OWNER, tmp_path, mark, "failed", tmp_path) as owner:
        held(tmp_path)
        with pytest.raises(StackFailed, match="no room"):
            control.up(environ=environ)
        owner.kill()
