"""Requests that arrive together are answered together: one walk through the model for all of them.

Nobody waits for company: what the event loop has read in one turn is predicted at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from airloop.serving.predictor import Predictor

Array = np.ndarray[Any, Any]
Columns = Sequence[list[Any]]
Done = Callable[[Array | Exception], None]
"""Takes the answers, float64 (n,) or (n, k), or what went wrong."""
MOST_ROWS = 256
"""A batch that grows beyond it is predicted at once."""


class Batch:
    """The requests of one turn of the event loop for one version."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._waiting: list[tuple[Columns, int, Done]] = []
        self._rows = 0

    def add(self, columns: Columns, rows: int, done: Done) -> None:
        """Predict at the end of this turn of the event loop, then call ``done``."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append((columns, rows, done))
        self._rows += rows
        if self._rows >= MOST_ROWS:
            self.flush()

    def flush(self) -> None:
        """Predict what waits, now."""
        waiting, self._waiting, self._rows = self._waiting, [], 0
        if len(waiting) == 1:
            self._alone(*waiting[0])
        elif waiting:
            self._together(waiting)

    def _together(self, waiting: list[tuple[Columns, int, Done]]) -> None:
        joined = [[value for part in parts for value in part] for parts in zip(*(w[0] for w in waiting), strict=True)]
        try:
            answers = self._predictor.predict(joined)
        except Exception:  # One request's values spoil the batch: each one gets its own answer or error.
            for each in waiting:
                self._alone(*each)
            return
        start = 0
        for _, rows, done in waiting:
            done(answers[start : start + rows])
            start += rows

    def _alone(self, columns: Columns, rows: int, done: Done) -> None:
        try:
            answers: Array | Exception = self._predictor.predict(columns)
        except Exception as error:  # The waiting request turns it into its response.
            answers = error
        done(answers)
