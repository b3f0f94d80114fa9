"""Processes of the stack: start one in a session of its own, find all again, and end them for good."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from airloop.errors import AirloopError

MARK = "AIRLOOP_STACK"
"""Environment variable that every process of a stack inherits, from whichever of them it was started."""


class StackFailed(AirloopError):
    """A part of the stack did not start or ended by itself."""


def start(command: list[str], environment: Mapping[str, str], log_file: Path) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own: a Ctrl-C in the terminal does not reach it."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def detach(command: list[str], environment: Mapping[str, str], log_file: Path) -> psutil.Process:
    """Start ``command`` like ``start``, to outlive this process."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as log, Path(os.devnull).open("rb") as nothing:
        streams = [(os.POSIX_SPAWN_DUP2, nothing.fileno(), 0)]
        streams += [(os.POSIX_SPAWN_DUP2, log.fileno(), stream) for stream in (1, 2)]
        pid = os.posix_spawn(command[0], command, dict(environment), file_actions=streams, setsid=True)
    return psutil.Process(pid)


def lives(process: psutil.Process) -> bool:
    """Return whether a process still runs; one that ended and was not asked about yet does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def marked(mark: str) -> list[psutil.Process]:
    """Return every process that carries ``mark``, this one left out."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != psutil.Process().pid and process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end(parts: Iterable[psutil.Process], mark: str, *, patience_s: float) -> None:
    """End ``parts`` with SIGTERM; after ``patience_s`` seconds kill them and all else that carries ``mark``."""
    asked = [part for part in parts if _signal(part, "terminate")]
    psutil.wait_procs(asked, timeout=patience_s)
    deadline = time.monotonic() + 5
    while (left := marked(mark)) and time.monotonic() < deadline:
        for process in left:
            _signal(process, "kill")
        psutil.wait_procs(left, timeout=1)


def _signal(process: psutil.Process, name: str) -> bool:
    try:
        getattr(process, name)()
    except psutil.Error:
        return False
    return True


def last_lines(log_file: Path, count: int = 15) -> str:
    """Return the end of a log, indented, to show in an error."""
    if not log_file.exists():
        return "  (no log)"
    lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    return "\n".join(f"  {line}" for line in lines) or "  (empty log)"
