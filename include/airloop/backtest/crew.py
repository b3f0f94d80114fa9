"""Several processes that do a backtest's tasks, or this one alone; what they make is in the store, so any may die."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from airloop.errors import TrainingError

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

T = TypeVar("T")
_TIDIED = "ignore:resource_tracker:UserWarning"


class Crew(Protocol):
    """Whoever does tasks."""

    def each(self, task: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, T]]:
        """Yield the number and the result of ``task(workspace, pipeline, *arguments[number])``, the first done first.

        What a task raises is raised here.
        """


@contextmanager
def crew(workspace: Workspace, pipeline: Pipeline, jobs: int) -> Iterator[Crew]:
    """Give ``jobs`` processes (1: this one); they end with the block, and when this process dies."""
    if jobs == 1:
        yield _Alone(workspace, pipeline)
        return
    before = set(multiprocessing.active_children())
    # A copy without what was opened already: a connection is not for another process.
    given = replace(workspace), pipeline, logging.getLogger("airloop").getEffectiveLevel()
    # Workers that are ended leave their libraries' semaphores behind. What tidies up after them need not warn of it.
    sys.warnoptions.append(_TIDIED)
    try:
        # Spawned, not forked: threads of libraries that are loaded here do not survive a fork.
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin, given)
    finally:
        sys.warnoptions.remove(_TIDIED)
    try:
        yield _Together(pool)
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        pool.shutdown()
        raise


class _Alone:
    def __init__(self, workspace: Workspace, pipeline: Pipeline) -> None:
        self._given = workspace, pipeline

    def each(self, task: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, T]]:
        for number, some in enumerate(arguments):
            yield number, task(*self._given, *some)


class _Together:
    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def each(self, task: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, T]]:
        try:
            futures = {self._pool.submit(_do, task, some): number for number, some in enumerate(arguments)}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise TrainingError(
                "a process of the backtest was killed, perhaps for want of memory: nothing was half-written; the same "
                "command goes on where it was, --jobs 1 needs the least memory"
            ) from error


_GIVEN: list[Any] = []
"""In a worker: workspace and pipeline."""


def _begin(workspace: Workspace, pipeline: Pipeline, level: int) -> None:
    _GIVEN[:] = workspace, pipeline
    logging.getLogger("airloop").setLevel(level)
    # Ctrl-C reaches the whole group; the parent ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(task: Callable[..., T], some: tuple[Any, ...]) -> T:
    return task(*_GIVEN, *some)
