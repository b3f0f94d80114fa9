"""Counters of what a version answered: cheap to add to, exact counts, latencies within 4 %."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

_SMALLEST_S = 1e-6
_STEP = math.log(1.08)
_BINS = 260
"""1 µs to about 8 minutes in steps of 8 %."""


@dataclass
class Latency:
    """A histogram of seconds with bins of 8 %, and their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * _BINS)
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        place = int(math.log(seconds / _SMALLEST_S) / _STEP) if seconds > _SMALLEST_S else 0
        self.counts[place if place < _BINS else -1] += 1
        self.total_s += seconds

    @property
    def count(self) -> int:
        """How many were counted."""
        return sum(self.counts)

    def quantile_ms(self, share: float) -> float:
        """Return the duration that ``share`` of all do not exceed, milliseconds; 0.0 when there is none."""
        wanted, seen = math.ceil(share * self.count), 0
        for place, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                return 1e3 * _SMALLEST_S * math.exp((place + 0.5) * _STEP)
        return 0.0

    def up_to(self, seconds: float) -> int:
        """Return how many took at most ``seconds``, to the bin."""
        return sum(self.counts[: max(0, int(math.log(seconds / _SMALLEST_S) / _STEP) + 1)])

    def since(self, before: Latency) -> Latency:
        """Return what was counted after ``before`` was copied."""
        counts = [now - then for now, then in zip(self.counts, before.counts, strict=True)]
        return Latency(counts, self.total_s - before.total_s)

    def copy(self) -> Latency:
        """Return a copy that stays as it is."""
        return Latency(list(self.counts), self.total_s)


@dataclass
class Stats:
    """What one version did; counts only rise."""

    requests: int = 0
    """Requests that it answered or failed to answer; those refused by the input checks say nothing about a version."""
    failures: int = 0
    refused: int = 0
    """Requests and copies that did not fit the version's schema."""
    rows: int = 0
    shadow_requests: int = 0
    shadow_failures: int = 0
    shadow_dropped: int = 0
    latency: Latency = field(default_factory=Latency)

    def since(self, before: Stats) -> Stats:
        """Return what was counted after ``before`` was copied."""
        return Stats(
            requests=self.requests - before.requests,
            failures=self.failures - before.failures,
            refused=self.refused - before.refused,
            rows=self.rows - before.rows,
            shadow_requests=self.shadow_requests - before.shadow_requests,
            shadow_failures=self.shadow_failures - before.shadow_failures,
            shadow_dropped=self.shadow_dropped - before.shadow_dropped,
            latency=self.latency.since(before.latency),
        )

    def copy(self) -> Stats:
        """Return a copy that stays as it is."""
        return self.since(Stats())

    def as_json(self) -> dict[str, float]:
        """Return what the admin API tells."""
        return {
            "requests": self.requests,
            "failures": self.failures,
            "refused": self.refused,
            "rows": self.rows,
            "latency_p50_ms": self.latency.quantile_ms(0.5),
            "latency_p99_ms": self.latency.quantile_ms(0.99),
            "shadow_requests": self.shadow_requests,
            "shadow_failures": self.shadow_failures,
            "shadow_dropped": self.shadow_dropped,
        }
