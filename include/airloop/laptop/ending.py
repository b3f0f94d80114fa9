"""Ending a stack from outside: whichever shell asks, and also where its supervisor is there no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from airloop.laptop import processes, state, supervisor


def end_leftovers(home: Path, report: Callable[[str], None]) -> None:
    """End the parts of a stack whose supervisor was killed: they would write to the same databases as a new one's."""
    known = state.read(home)
    if known is not None and processes.marked(known.mark):
        report("ending what a stack left that was killed")
        end(home, known.mark, None)


def supervisor_of(known: state.State) -> psutil.Process | None:
    """Return the process that told ``known``, None where it has ended."""
    return next((process for process in processes.marked(known.mark) if process.pid == known.pid), None)


def end(home: Path, mark: str, watcher: psutil.Process | None) -> None:
    """End the supervisor, which ends its parts; then whatever of it is left."""
    known = state.read(home)
    if watcher is None and known is not None and known.mark == mark:
        watcher = supervisor_of(known)
    # Where the supervisor was killed its parts are left without it, and are asked themselves.
    asked = [watcher] if watcher and processes.lives(watcher) else processes.marked(mark)
    processes.end(asked, mark, patience_s=supervisor.PATIENCE_S + 10)
    if known and known.mark == mark and known.phase != "failed":
        known.write(home, phase="stopped", doing="")
