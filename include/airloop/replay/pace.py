"""How fast a past is sent: as fast as the server answers, so many rows a second, or its own time sped up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Pace:
    """``rate`` in rows per second, or ``speed_up`` as simulated seconds per second; without both there is no pause."""

    rate: float | None = None
    speed_up: float | None = None

    def due_s(self, rows: int, first: datetime, event: datetime) -> float:
        """Return when, in seconds after the first request, what follows ``rows`` rows and is of ``event`` is sent."""
        if self.rate is not None:
            return rows / self.rate
        if self.speed_up is not None:
            return (event - first).total_seconds() / self.speed_up
        return 0.0


@dataclass
class Metronome:
    """Waits as ``pace`` says; begins with the first request."""

    pace: Pace
    now: Callable[[], float] = time.monotonic
    _first: datetime | None = None
    _began: float = 0.0

    def wait(self, rows: int, event: datetime, stop: threading.Event) -> None:
        """Return when the request of ``event`` is due, or once ``stop`` is set; one that is late is due at once."""
        if self._first is None:
            self._first, self._began = event, self.now()
        left = self._began + self.pace.due_s(rows, self._first, event) - self.now()
        if left > 0:
            stop.wait(left)
