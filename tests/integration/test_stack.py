"""Starting and stopping: what is there already, and that nothing is ever left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from airloop.laptop import control, ports, processes, state
from airloop.laptop.airflow_api import ENDED
from airloop.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def another(tmp_path, laptop):
    """The environment of a second stack, in ``tmp_path``."""
    return laptop.environ | {
        "AIRLOOP_HOME": str(tmp_path),
        "AIRLOOP_AIRFLOW_PORT": str(ports.any_free()),
        "AIRLOOP_SERVER_PORT": str(ports.any_free()),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


def mark_of_starting(laptop, home):
    """Wait until a stack is in the middle of starting and return its mark."""
    laptop.until(lambda: state.read(home) is not None, "it has begun")
    mark = state.read(home).mark
    laptop.until(lambda: len(processes.marked(mark)) >= 3, "it starts processes")
    return mark


@pytest.fixture
def starting(tmp_path, laptop, another):
    """``python -m airloop up`` in the middle of starting: its process and the mark of its stack."""
    command = [sys.executable, "-m", "airloop", "up"]
    process = subprocess.Popen(
        command,
        env=another,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A test run in the background ignores Ctrl-C, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    yield process, mark_of_starting(laptop, tmp_path)
    process.kill()
    process.communicate()
    control.down(tmp_path)


def test_people_who_act_do_not_wait_for_tasks_that_run(laptop):
    """SQLite lets one write at a time: a hundred acts while a chain of tasks tells how it fares."""
    run_id = laptop.trigger("parcels.train", as_of="2026-02-20", dry_run=True)
    waits = []
    while laptop.api.run("parcels.train", run_id)["state"] not in ENDED:
        began = time.monotonic()
        laptop.api.request("PATCH", "/dags/broken.rollback", json={"is_paused": len(waits) % 2 == 0})
        waits.append(time.monotonic() - began)
    laptop.api.request("PATCH", "/dags/broken.rollback", json={"is_paused": False})
    assert len(waits) > 100
    assert max(waits) < 20


def test_a_second_start_finds_the_first(laptop):
    again = control.up(environ=laptop.environ)
    assert again.was_running and again.airflow_url == laptop.stack.airflow_url


def test_a_taken_port_is_told_in_the_terminal(laptop, tmp_path):
    taken = laptop.environ["AIRLOOP_AIRFLOW_PORT"]
    environ = laptop.environ | {"AIRLOOP_HOME": str(tmp_path)}
    with pytest.raises(ports.PortTaken, match=f"port {taken} for Airflow is taken"):
        control.up(environ=environ)


def test_ctrl_c_while_it_starts_leaves_nothing_running(laptop, starting):
    process, mark = starting
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0 and "Traceback" not in said
    assert processes.marked(mark) == []


def test_down_from_another_shell_ends_a_stack_that_starts(laptop, starting, tmp_path):
    process, mark = starting
    assert control.down(tmp_path)
    assert processes.marked(mark) == []
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0 and "Traceback" not in said


@pytest.mark.timeout(420)
def test_two_starts_at_once_share_one_stack(tmp_path, another):
    command = [sys.executable, "-m", "airloop", "up"]
    shells = [subprocess.Popen(command, env=another, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        said = [shell.communicate(timeout=400)[1] for shell in shells]
        assert [shell.returncode for shell in shells] == [0, 0], said
        known = state.read(tmp_path)
        supervisors = [each for each in processes.marked(known.mark) if "airloop.laptop" in each.cmdline()]
        assert [each.pid for each in supervisors] == [known.pid]
    finally:
        control.down(tmp_path)


def test_a_supervisor_that_is_killed_while_it_starts_leaves_nothing_running(starting, tmp_path):
    process, mark = starting
    os.kill(state.read(tmp_path).pid, signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0 and "the stack ended while it started" in said
    assert processes.marked(mark) == []


def test_a_stack_ends_with_the_process_that_it_was_started_for(laptop, tmp_path, another):
    """A demo that is killed leaves nothing running."""
    code = "import os; from airloop.laptop import control; control.up(ends_with=os.getpid())"
    with subprocess.Popen([sys.executable, "-c", code], env=another) as process:
        mark = mark_of_starting(laptop, tmp_path)
        process.kill()
    laptop.until(lambda: processes.marked(mark) == [], "everything has ended", timeout_s=40)


def test_another_shell_finds_the_server_on_an_unusual_port(laptop):
    environ = {"AIRLOOP_HOME": str(laptop.home)}
    assert Workspace.from_environment(environ).server_url == laptop.stack.server_url
