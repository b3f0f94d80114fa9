"""What came of a replay."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airloop.errors import AirloopError

FEW = 3
"""Reasons that are shown."""


class ReplayFailed(AirloopError):
    """A past cannot be sent."""


@dataclass
class Tally:
    """Counts of rows and requests, by what became of them."""

    requests: int = 0
    answered: int = 0
    """Rows with a prediction."""
    refused: int = 0
    """Rows that the server said no to."""
    versions: Counter[str] = field(default_factory=Counter)
    """Rows by the version that answered them."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Rows by the reason for which they were refused."""
    until: datetime | None = None
    """The event of the last request."""

    @property
    def rows(self) -> int:
        """Rows that were sent."""
        return self.answered + self.refused

    def answer(self, event: datetime, rows: int, version: str) -> None:
        """Count a request that was answered."""
        self.requests += 1
        self.answered += rows
        self.versions[version] += rows
        self.until = event

    def refuse(self, event: datetime, rows: int, reason: str) -> None:
        """Count a request that was refused."""
        self.requests += 1
        self.refused += rows
        self.until = event
        self.reasons[reason] += rows

    def as_json(self) -> dict[str, Any]:
        """Return the counts as JSON carries them."""
        return {
            "rows": self.rows,
            "requests": self.requests,
            "refused": self.refused,
            "reasons": dict(self.reasons.most_common(FEW)),
            "versions": dict(self.versions),
        }
