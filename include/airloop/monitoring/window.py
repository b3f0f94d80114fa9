"""Windows: the stretches of event time that monitoring looks at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airloop import clock

if TYPE_CHECKING:
    from airloop.spec.model import Monitor

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, order=True)
class Window:
    """Events in ``[start, end)``, UTC."""

    start: datetime
    end: datetime

    @classmethod
    def latest(cls, monitor: Monitor, as_of: datetime) -> Window:
        """Return the window that a run at ``as_of`` looks at: it ends at the last full day, or hour where shorter."""
        end = clock.floor(clock.in_utc(as_of), _DAY if monitor.window >= _DAY else _HOUR)
        return cls(end - monitor.window, end)

    @property
    def name(self) -> str:
        """What the ledger calls it: ``2013-03-18T00:00:00Z/2013-03-25T00:00:00Z``."""
        return f"{clock.iso(self.start)}/{clock.iso(self.end)}"

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start
