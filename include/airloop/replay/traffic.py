"""Requests that go on while a model is trained: a release is judged on what comes in meanwhile."""

from __future__ import annotations

import threading
from typing import Self

from airloop.replay.pace import Pace
from airloop.replay.sending import Replay

CALM, BUSY = Pace(rate=60), Pace(rate=400)
"""While the candidate is made, which needs the machine, and while it climbs, which needs requests."""


class Traffic:
    """Sends what comes next of a replay, a row a request, from entering until leaving.

    Leaving raises what ended it before its time.
    """

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._climbs, self._ended = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._climbs.set()
        self._ended.set()
        self._thread.join()
        if self._error is not None and exception[0] is None:
            raise self._error

    def hurry(self) -> None:
        """Send more from now on: the candidate climbs."""
        self._climbs.set()

    def _run(self) -> None:
        try:
            for pace, stop in ((CALM, self._climbs), (BUSY, self._ended)):
                self._replay.send(self._replay.end, pace=pace, batch=1, stop=stop)
        except BaseException as error:  # The edge of a thread: who leaves the context is told.
            self._error = error
