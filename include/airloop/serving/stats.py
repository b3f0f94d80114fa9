"""Counters of what a version answered: cheap to add to, exact counts, latencies within 4 %."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

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

    def as_json(self) -> dict[str, int]:
        """Return the bins that are not empty, by their place; those of several servers can be added up."""
        return {str(place): count for place, count in enumerate(self.counts) if count}

    @classmethod
    def from_json(cls, *told: Mapping[str, int]) -> Self:
        """Return what several servers counted, as one histogram whose sum is not known."""
        counts = [0] * _BINS
        for bins in told:
            for place, count in bins.items():
                counts[min(int(place), _BINS - 1)] += count
        return cls(counts)


@dataclass
class Stats:
    """What one version did; counts only rise."""

    requests: int = 0
    """Requests that it answered or failed to answer; those refused by the input checks say nothing about a version."""
    failures: int = 0
    refused: int = 0
    """Requests and copies that did not fit the version's schema."""
    rows: int = 0
    instead: int = 0
    """Requests among ``requests`` that came here because the candidate had not answered them."""
    copied_failures: int = 0
    """Requests that it did not answer, for whatever reason, and of which a shadow in another process got a copy."""
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
            instead=self.instead - before.instead,
            copied_failures=self.copied_failures - before.copied_failures,
            shadow_requests=self.shadow_requests - before.shadow_requests,
            shadow_failures=self.shadow_failures - before.shadow_failures,
            shadow_dropped=self.shadow_dropped - before.shadow_dropped,
            latency=self.latency.since(before.latency),
        )

    def copy(self) -> Stats:
        """Return a copy that stays as it is."""
        return self.since(Stats())

    def as_json(self) -> dict[str, Any]:
        """Return what the admin API tells."""
        return {
            "requests": self.requests,
            "failures": self.failures,
            "refused": self.refused,
            "rows": self.rows,
            "latency_p50_ms": self.latency.quantile_ms(0.5),
            "latency_p99_ms": self.latency.quantile_ms(0.99),
            "latency_counts": self.latency.as_json(),
            "instead": self.instead,
            "copied_failures": self.copied_failures,
            "shadow_requests": self.shadow_requests,
            "shadow_failures": self.shadow_failures,
            "shadow_dropped": self.shadow_dropped,
        }
