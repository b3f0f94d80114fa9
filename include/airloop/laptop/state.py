"""What a running stack tells others about itself: one small file in ``AIRLOOP_HOME/run``."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from airloop.laptop.secret_files import write_private

LOOK_S = 0.5
"""Far longer than somebody who only looks keeps the lock from who wants to hold it."""

Phase = Literal["starting", "ready", "failed", "stopping", "stopped"]


@dataclass(frozen=True)
class State:
    """A stack: which process watches it, how far it is and where it answers."""

    mark: str
    pid: int
    phase: Phase = "starting"
    doing: str = ""
    error: str = ""
    airflow_url: str = ""
    server_url: str = ""
    user: str = ""
    password_file: str = ""

    def write(self, home: Path, **changes: str) -> State:
        """Write the state with ``changes`` and return it."""
        state = replace(self, **changes)  # type: ignore[arg-type]
        _folder(home).mkdir(parents=True, exist_ok=True)
        write_private(_folder(home) / "stack.json", json.dumps(asdict(state), indent=1))
        return state


def read(home: Path) -> State | None:
    """Return the last state written, or None where no stack ever ran."""
    try:
        return State(**json.loads((_folder(home) / "stack.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


@contextmanager
def only_one(home: Path) -> Iterator[bool]:
    """Give True where this process is the only one that holds the stack; the system lets go when it ends."""
    with _locking(home) as take:
        deadline = time.monotonic() + LOOK_S
        while not (is_ours := take(fcntl.LOCK_EX)) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield is_ours


def is_held(home: Path) -> bool:
    """Return whether a stack runs from ``home``, or somebody is about to start one."""
    with _locking(home) as take:
        return not take(fcntl.LOCK_SH)


@contextmanager
def _locking(home: Path) -> Iterator[Callable[[int], bool]]:
    """Give what tries to take the stack's lock; it is let go at the end."""
    _folder(home).mkdir(parents=True, exist_ok=True)
    descriptor = os.open(_folder(home) / "lock", os.O_RDWR | os.O_CREAT, 0o600)

    def take(how: int) -> bool:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield take
    finally:
        os.close(descriptor)


def _folder(home: Path) -> Path:
    return home / "run"
