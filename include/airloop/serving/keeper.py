"""Carries the journal to the store: closes segments and starts ``compact`` on them, now and then and at the end."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

from airloop.serving.journal import Journal

log = logging.getLogger(__name__)

MOST_BYTES = 16_000_000
"""A segment is closed when it is so large, or so old:"""
MOST_S = 30.0
RETRY_S = 60.0
"""Wait after the store refused."""
LAST_S = 30.0
"""Longest wait for the last segment when the server stops; what is left is written after the next start."""


class Keeper:
    """One server's care for its journal."""

    def __init__(self, journal: Journal, folder: Path, store_url: str, *, every_s: float = MOST_S) -> None:
        self._journal = journal
        self._folder = folder
        self._store_url = store_url
        self._every_s = every_s
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Work until cancelled. What an earlier server left is written first."""
        is_done = not self._journal.backlog or await self.compact()
        while True:
            await asyncio.sleep(min(1.0, self._every_s) if is_done else RETRY_S)
            if self._journal.is_due(MOST_BYTES, self._every_s) or not is_done:
                self._journal.close_segment()
                is_done = await self.compact()

    async def flush(self) -> bool:
        """Write all that was answered so far to the store now; return whether the store took all of it."""
        self._journal.close_segment()
        return await self.compact()

    async def finish(self) -> None:
        """Write everything to the store; what does not make it in LAST_S stays in the journal."""
        self._journal.close_segment()
        if self._journal.measure():
            try:
                await asyncio.wait_for(self.compact(), LAST_S)
            except TimeoutError:
                log.warning("prediction log: the store is slow; the rest is written after the next start")

    async def compact(self) -> bool:
        """Turn closed segments into Parquet in a process of its own; return whether the store took all of them."""
        # A second process would pass over what a first one still writes, and say that it is done.
        async with self._one_at_a_time:
            return await self._compact()

    async def _compact(self) -> bool:
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "airloop.serving.compact", str(self._folder)),
                env={**os.environ, "AIRLOOP_STORE": self._store_url},  # not an argument: a URL may hold a password
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            log.error("prediction log: no process can be started to write it: %s", error)
            return False
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        self._journal.measure()
        last = (said.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        if process.returncode:
            log.error("%s. %d bytes wait in %s", last, self._journal.backlog, self._folder)
        else:
            log.info("%s", last)
        return process.returncode == 0
