"""What live counts say about a candidate: worse than the champion, not worse, or too early to tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

LEAST_COMPARED = 20
"""Fewest requests to the champion that it is compared on (Kayenta and Argo examples: 20 to 50)."""

CONFIDENT = 0.01
"""Chance that failures this uneven happen to equal versions, below which the candidate is called worse.

A step is looked at many times, so equal versions that both fail are called worse more often than this: in at most 5 %
of steps with up to 300 looks (measured by simulation, failure rates of 0.1 % to 5 %, shares of 10 % and 50 %); at 0.05
it would be 16 %. A candidate that fails 2 % of requests beside a sound champion is caught in 98 %.
"""

CERTAIN = 0.001
"""The same before ``min_requests`` are seen: looking often would otherwise find something by chance."""

LATENCY_FLOOR_MS = 5.0
"""A p99 that is slower by less than this is never called slower, whatever the ratio: microseconds do not decide."""

CONFIRM = 2
"""A p99 above the limit counts once this many times ``min_requests`` are seen: of 200 it is the third slowest one."""

CLUSTERED = 5
"""Requests that count as one where shares are measured: a connection brings several to the same version."""


@dataclass(frozen=True)
class Traffic:
    """Requests that a version answered in a span of time; latencies in milliseconds, 0 where there were none."""

    requests: int = 0
    failures: int = 0
    latency_p50_ms: float = 0.0
    latency_p99_ms: float = 0.0
    shadow_requests: int = 0
    shadow_failures: int = 0
    shadow_largest_difference: float = 0.0

    @property
    def copied(self) -> Traffic:
        """The copies that it got as a shadow, as if they had been its own requests."""
        return Traffic(requests=self.shadow_requests, failures=self.shadow_failures)

    def since(self, before: Traffic) -> Traffic:
        """Return what came after ``before``; counts that fell were reset by the server, so all of them are new."""
        if self.requests < before.requests or self.shadow_requests < before.shadow_requests:
            return self
        return Traffic(
            requests=self.requests - before.requests,
            failures=max(self.failures - before.failures, 0),
            latency_p50_ms=self.latency_p50_ms,
            latency_p99_ms=self.latency_p99_ms,
            shadow_requests=self.shadow_requests - before.shadow_requests,
            shadow_failures=max(self.shadow_failures - before.shadow_failures, 0),
            shadow_largest_difference=self.shadow_largest_difference,
        )


NO_TRAFFIC = Traffic()


@dataclass(frozen=True)
class Judged:
    """One comparison, in words."""

    verdict: Literal["good", "bad", "unclear"]
    reason: str


def failures(candidate: Traffic, champion: Traffic, *, allowed: float, enough: int) -> Judged:
    """Compare shares of failed requests; ``allowed`` is the share by which the candidate may exceed the champion.

    Failures beyond the allowed share are tested with Fisher's exact test (one-sided): worse when so uneven a split has
    less than CONFIDENT chance (CERTAIN before ``enough`` requests). More failures than allowed that could be chance
    are unclear, never good.
    """
    said = f"{candidate.failures} of {candidate.requests} failed, champion {champion.failures} of {champion.requests}"
    if _share(candidate) <= _share(champion) + allowed:
        return Judged("good", said)
    beyond = max(candidate.failures - math.floor(allowed * candidate.requests), 0)
    chance = chance_of_split(beyond, candidate.requests, champion.failures, champion.requests)
    limit = CONFIDENT if candidate.requests >= enough else CERTAIN
    if chance < limit:
        return Judged("bad", f"{said}: beyond the {allowed:.1%} more that is allowed (by chance: {chance:.2g})")
    return Judged("unclear", f"{said}: more than allowed, but perhaps by chance ({chance:.2g})")


def latency(candidate: Traffic, champion: Traffic, *, ratio: float, enough: int) -> Judged:
    """Compare p99 latencies: too slow is more than ``ratio`` times the champion's *and* LATENCY_FLOOR_MS above it."""
    said = f"p99 {candidate.latency_p99_ms:.1f} ms, champion {champion.latency_p99_ms:.1f} ms"
    if candidate.latency_p99_ms <= LATENCY_FLOOR_MS:
        return Judged("good", said)
    if champion.requests < LEAST_COMPARED:
        return Judged("unclear", f"{said} on {champion.requests} requests, {LEAST_COMPARED} are needed to compare")
    limit = max(ratio * champion.latency_p99_ms, champion.latency_p99_ms + LATENCY_FLOOR_MS)
    if candidate.latency_p99_ms <= limit:
        return Judged("good", said)
    verdict: Literal["bad", "unclear"] = "bad" if candidate.requests >= CONFIRM * enough else "unclear"
    return Judged(verdict, f"{said}: above the limit of {limit:.1f} ms")


def share(candidate: Traffic, champion: Traffic, *, percent: int) -> Judged:
    """Compare the share of requests that the candidate got with the ``percent`` (1 to 99) that was asked for.

    Off is a share below half of it or above twice of it (of the champion's share, where that is the smaller one), by
    more than chance would have it. Too many meet a version that is not proved yet: bad. Too few prove nothing: unclear.
    """
    total, asked = candidate.requests + champion.requests, percent / 100
    if not total:
        return Judged("good", f"no requests, {percent} % were asked for")
    got = candidate.requests / total
    said = f"the candidate got {candidate.requests:,} of {total:,} requests ({got:.1%}), {percent} % were asked for"
    least, most = max(asked / 2, 2 * asked - 1), min(2 * asked, (1 + asked) / 2)
    drawn = max(total // CLUSTERED, 1)
    if got < least and _at_least(drawn, math.ceil(drawn * (1 - got)), 1 - least) < CERTAIN:
        return Judged("unclear", f"{said}: does what shares requests out apply the weights?")
    if got > most and _at_least(drawn, math.ceil(drawn * got), most) < CERTAIN:
        return Judged("bad", f"{said}: what shares requests out does not apply the weights")
    return Judged("good", said)


def chance_of_split(failed: int, requests: int, other_failed: int, other_requests: int) -> float:
    """Return the chance that at least ``failed`` of all failures fall on the first version if both are equal.

    Fisher's exact test, one-sided (hypergeometric upper tail); 1.0 without failures.
    """
    total, all_failed = requests + other_requests, failed + other_failed
    most = min(requests, all_failed)
    if failed <= 0 or not most:
        return 1.0
    whole = _log_choose(total, all_failed)
    terms = (
        _log_choose(requests, k) + _log_choose(other_requests, all_failed - k)
        for k in range(min(failed, most), most + 1)
    )
    return min(1.0, math.fsum(math.exp(term - whole) for term in terms))


def _log_choose(n: int, k: int) -> float:
    if not 0 <= k <= n:
        return -math.inf
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _at_least(drawn: int, hits: int, probability: float) -> float:
    """Return the chance of at least so many hits (upper tail of the binomial distribution)."""
    if probability >= 1:
        return 1.0
    hit, miss = math.log(probability), math.log1p(-probability)
    terms = (_log_choose(drawn, k) + k * hit + (drawn - k) * miss for k in range(hits, drawn + 1))
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def _share(traffic: Traffic) -> float:
    return traffic.failures / traffic.requests if traffic.requests else 0.0
