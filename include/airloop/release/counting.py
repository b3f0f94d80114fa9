"""What two servers counted, of which neither knows the other: as one that serves both versions would count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from airloop.release.evidence import NO_TRAFFIC, Traffic

_COUNTS = tuple(field.name for field in fields(Traffic))
Stats = Mapping[str, Any]
"""A version's counts as its server tells them; empty when it tells none."""


def own(stats: Stats) -> Traffic:
    """Return what a server counted of itself."""
    return Traffic(**{name: stats[name] for name in _COUNTS if name in stats}) if stats else NO_TRAFFIC


def of_candidate(candidate: Stats, champion: Stats) -> Traffic:
    """Return a candidate's counts, with the failures that only the champion's server knows of, or does.

    What the champion was asked instead is a failure of the candidate, even where its own server counted nothing: it
    took the request for the client's mistake, was silent, or gone. A copy that it did not answer is none where the
    champion did not answer the original either.
    """
    if not candidate:
        return NO_TRAFFIC
    counted = own(candidate)
    failures = max(counted.failures, champion.get("instead", 0))
    unfit = min(champion.get("copied_failures", 0), counted.shadow_failures)
    return replace(
        counted,
        requests=counted.requests - counted.failures + failures,
        failures=failures,
        shadow_requests=counted.shadow_requests - unfit,
        shadow_failures=counted.shadow_failures - unfit,
    )
