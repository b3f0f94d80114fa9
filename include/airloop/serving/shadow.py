"""Copies of answered requests go to the candidate, after the client has its answer; differences are only counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any

import numpy as np

from airloop.errors import AirloopError
from airloop.serving.slot import Slot

log = logging.getLogger(__name__)

MOST_COPIES = 1_000
MOST_BYTES = 64_000_000


class Shadow:
    """A bounded queue of copies and the task that empties it, one copy a turn of the event loop."""

    def __init__(self, most_copies: int = MOST_COPIES) -> None:
        self.most_copies = most_copies
        self._copies: deque[tuple[Slot, bytes, np.ndarray[Any, Any]]] = deque()
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None

    def copy(self, candidate: Slot, body: bytes, answers: np.ndarray[Any, Any]) -> None:
        """Queue a request with the champion's answers; dropped, and counted, when the queue is full."""
        if len(self._copies) >= self.most_copies or self._bytes + len(body) > MOST_BYTES:
            candidate.total.shadow_dropped += 1
            return
        self._copies.append((candidate, body, answers))
        self._bytes += len(body)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def drain(self) -> None:
        """Wait until every copy was answered."""
        if self._task is not None:
            await self._task

    async def _drain(self) -> None:
        while self._copies:
            await asyncio.sleep(0)  # Requests that wait go first.
            candidate, body, answers = self._copies.popleft()
            self._bytes -= len(body)
            compare(candidate, body, answers)


def compare(candidate: Slot, body: bytes, answers: np.ndarray[Any, Any]) -> None:
    """Let the candidate answer ``body`` and count how far it is from ``answers``."""
    started = time.perf_counter()
    stats = candidate.total
    stats.shadow_requests += 1
    try:
        request = candidate.loaded.reader.read(body)
        found = candidate.loaded.predictor.predict(request.columns)
    except Exception as error:  # The candidate may fail in any way; its failure is what is being measured.
        stats.shadow_failures += 1
        level = logging.WARNING if isinstance(error, AirloopError) else logging.ERROR
        log.log(level, "shadow of %s failed: %s: %s", candidate.loaded.version, type(error).__name__, error)
        return
    stats.latency.add(time.perf_counter() - started)
    if found.shape == answers.shape:
        largest = float(np.max(np.abs(found - answers), initial=0.0))
        candidate.shadow_largest_difference = max(candidate.shadow_largest_difference, largest)
    else:
        stats.shadow_failures += 1
