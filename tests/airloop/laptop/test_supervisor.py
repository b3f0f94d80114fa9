from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import uuid

import pytest

from airloop.laptop import processes, state
from airloop.laptop.settings import Settings
from airloop.laptop.supervisor import LONGEST_PAUSE_S, Part, Supervisor

SLOW_AIRFLOW = """
import pathlib, signal, sys, time

def asked(number, frame):
    pathlib.Path(__file__).with_name("asked").touch()
    sys.exit(1)

signal.signal(signal.SIGTERM, asked)
pathlib.Path(__file__).with_name("migrating").touch()
time.sleep(60)
"""


@pytest.fixture
def part():
    """A part that has ended, started at 0 s."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return Part("model-server", ["true"], process, started=0.0)


def pause_after(part, now):
    """Return the seconds that a part which ends at ``now`` waits, and start it again then."""
    part.due = None
    part.is_due(now)
    pause = part.due - now
    part.started = part.due
    return pause


def test_a_part_that_ends_starts_again_at_once(part):
    assert part.is_due(10.0)


def test_a_part_that_soon_ends_again_waits_longer_each_time_but_never_for_long(part):
    now, pauses = 1.0, []
    for _ in range(7):
        pauses.append(pause_after(part, now))
        now += pauses[-1] + 1
    assert pauses == [0, 2, 6, 14, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_a_part_that_ends_all_night_does_not_end_the_stack(part):
    part.deaths = 5_000
    assert pause_after(part, 1.0) == LONGEST_PAUSE_S


def test_waiting_does_not_count_as_ending_again(part):
    pause_after(part, 1.0)
    part.due = None
    looks = [part.is_due(now) for now in (2.0, 2.5, 3.0, 3.5, 4.0, 4.5)]
    assert looks == [False, False, False, False, True, True]
    assert part.deaths == 2


def test_a_part_that_was_well_for_a_minute_starts_again_at_once(part):
    for now in (1.0, 4.0, 9.0):
        pause_after(part, now)
    assert pause_after(part, 100.0) == 0


@pytest.fixture
def supervised(tmp_path):
    """A function that gives a supervisor whose Airflow migrates its database for a minute."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    mark = uuid.uuid4().hex
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow" / "__init__.py").touch()
    (tmp_path / "airflow" / "__main__.py").write_text(SLOW_AIRFLOW)

    def make(**more):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "AIRLOOP_MLFLOW": f"sqlite:///{tmp_path}/mlflow.db"}
        environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"] = str(tmp_path / "passwords")
        chosen = Settings(tmp_path / "home", 1, 2, "admin", "secret", 3, environment | more)
        return Supervisor(chosen, mark, None)

    yield make
    for number, handler in before.items():
        signal.signal(number, handler)
    for process in processes.marked(mark):
        process.kill()


def stop_while_migrating(folder, first=lambda: None):
    """Ask this process to end, as `make down` does, once Airflow's database is being migrated."""

    def ask():
        deadline = time.monotonic() + 30
        while not (folder / "airflow" / "migrating").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        first()
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_migration_is_asked_to_end_before_it_is_killed(supervised, tmp_path):
    asking = stop_while_migrating(tmp_path)
    assert supervised().run() == 0
    asking.join()
    assert (tmp_path / "airflow" / "asked").exists()
    assert state.read(tmp_path / "home").phase == "stopped"


@pytest.mark.slow
def test_a_full_disk_does_not_keep_a_stack_from_ending(supervised, tmp_path):
    """What a stack tells of itself cannot be written any more; what it started ends all the same."""
    scratch = tmp_path / "home" / "run" / "stack.part"
    asking = stop_while_migrating(tmp_path, first=lambda: scratch.mkdir(parents=True))
    stack = supervised()
    assert stack.run() == 0
    asking.join()
    assert (tmp_path / "airflow" / "asked").exists()


@pytest.mark.slow
def test_a_mistake_that_nobody_foresaw_is_told_to_who_waits(supervised, tmp_path):
    with pytest.raises(ValueError, match="null byte"):
        supervised(BROKEN="a\0b").run()
    told = state.read(tmp_path / "home")
    assert (told.phase, told.error) == ("failed", "ValueError: embedded null byte")
