"""Cores of this machine, shared by all trainings on it: those that fit at one time never have more threads than cores.

A core is a file below ``AIRLOOP_HOME/run/cores`` that a training locks while it fits. The kernel lets go of a lock when
its process dies, however it dies. Only one training at a time gathers, the others stand in line: so two that have half
of what they need never wait for each other, and many small ones do not starve a large one.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

PAUSE_S = 0.1
"""Between two looks for a free core; a fit takes seconds."""


def count() -> int:
    """Return how many cores this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_once(threads: int) -> int:
    """Return how many trainings of ``threads`` threads each this machine has cores for, at least 1."""
    return max(1, count() // threads)


@contextmanager
def held(home: Path, threads: int, *, cores: int | None = None) -> Iterator[None]:
    """Hold ``threads`` of the cores while the block runs, all of them where there are fewer; wait until they are free.

    Trainings of one ``home``, which is ``AIRLOOP_HOME``, share. ``cores`` is ``count()`` unless given.
    """
    files = [home / "run" / "cores" / str(number) for number in range(count() if cores is None else cores)]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as mine:
        with ExitStack() as turn:
            line = files[0].with_name("line")
            if not _lock(turn, line, wait=False):
                _tell(threads, len(files))
                _lock(turn, line, wait=True)
            _gather(mine, files, min(threads, len(files)))
        yield


def _gather(mine: ExitStack, files: list[Path], wanted: int) -> None:
    """Lock the ``wanted`` files that are free first."""
    free, is_told = list(files), False
    while True:
        for file in list(free):
            if len(files) - len(free) < wanted and _lock(mine, file, wait=False):
                free.remove(file)
        if len(files) - len(free) == wanted:
            return
        if not is_told:
            _tell(wanted, len(files))
            is_told = True
        time.sleep(PAUSE_S)


def _lock(stack: ExitStack, file: Path, *, wait: bool) -> bool:
    """Lock ``file`` until ``stack`` ends; return whether that was possible."""
    with ExitStack() as until_sure:
        stream = until_sure.enter_context(file.open("a"))
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        stack.push(until_sure.pop_all())
    return True


def _tell(wanted: int, cores: int) -> None:
    log.info("waiting for %d of this machine's %d cores: other trainings are at work on them", wanted, cores)
