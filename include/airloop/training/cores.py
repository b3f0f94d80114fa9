"""Cores of this machine, shared by all trainings on it: those that fit at one time never have more threads than cores.

A core is a file below ``AIRLOOP_HOME/run/cores`` that a training locks while it fits. The kernel lets go of a lock when
its process dies, however it dies. Only one training at a time gathers, the others stand in line: so two that have half
of what they need never wait for each other, and many small ones do not starve a large one.

Containers of one machine that have AIRLOOP_HOME in common share its cores; machines that have it in common do not
share, because each has files of its own.
"""

from __future__ import annotations

import fcntl
import logging
import math
import os
import platform
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airloop.spec.model import Model

log = logging.getLogger(__name__)

PAUSE_S = 0.1
"""Between two looks for a free core; a fit takes seconds."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def count() -> int:
    """Return how many cores this process may use, at least 1; a container's limit counts."""
    return max(1, math.ceil(min(len(_numbers()), limit())))


def wanted_by(model: Model) -> int:
    """Return how many cores a fit uses whose workers, if it has any, are on this machine."""
    return model.threads * model.workers


def at_once(threads: int) -> int:
    """Return how many trainings of ``threads`` threads each this machine has cores for, at least 1."""
    return max(1, count() // threads)


def folder_of(home: Path) -> Path:
    """Return the folder of this machine's files; containers have the boot in common with their machine."""
    try:
        machine = _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        machine = platform.node()
    return home / "run" / "cores" / machine


@contextmanager
def held(home: Path, threads: int, *, cores: int | None = None) -> Iterator[None]:
    """Hold ``threads`` of the cores while the block runs, all of them where there are fewer; wait until they are free.

    Trainings of one ``home``, which is ``AIRLOOP_HOME``, share. Without ``cores``, their number, there are those that
    this process may run on.
    """
    folder = folder_of(home)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / str(number) for number in (_numbers() if cores is None else range(cores))]
    wanted = min(threads, count() if cores is None else cores)
    with ExitStack() as mine:
        with ExitStack() as turn:
            line = folder / "line"
            if not _lock(turn, line, wait=False):
                _tell(threads, len(files))
                _lock(turn, line, wait=True)
            _gather(mine, files, wanted)
        yield


def _numbers() -> list[int]:
    """Return the numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def limit(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Return how many cores' time this container may use, infinity where nothing limits it (cgroup 1 and 2)."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((cgroup / file).read_text(encoding="ascii").strip() for file in files).split()
        except OSError:
            continue
        return math.inf if quota in ("max", "-1") else float(quota) / float(period)
    return math.inf


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
