"""What a target must do to have releases put on it: the local model server, later Docker and Kubernetes.

Every target passes the tests in ``tests/airloop/release/test_conformance.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from airloop.release.evidence import NO_TRAFFIC, Traffic
from airloop.spec.model import Rollout


@dataclass(frozen=True)
class Placed:
    """A version on a target, named by its bundle's digest."""

    bundle: str
    version: str
    image: str = ""
    """What it is run from, by its digest, on a target that runs images."""


@dataclass(frozen=True)
class State:
    """What a pipeline's target shall serve, or serves: who answers which share of the requests."""

    champion: Placed | None = None
    candidate: Placed | None = None
    candidate_percent: int = 0
    """Percent of requests that the candidate answers; the champion answers the rest."""
    shadow: bool = False
    """Whether the candidate also gets a copy of every request that the champion answers."""

    def with_candidate(self, candidate: Placed, percent: int, *, shadow: bool = False) -> State:
        """Return this state with a candidate beside the champion."""
        return replace(self, candidate=candidate, candidate_percent=percent, shadow=shadow)

    def __str__(self) -> str:
        champion = f"version {self.champion.version}" if self.champion else "no champion"
        if self.candidate is None:
            return champion
        share = "shadow" if self.shadow else f"{self.candidate_percent} %"
        return f"{champion} with candidate {self.candidate.version} ({share})"


@dataclass(frozen=True)
class Observed:
    """What a target serves now, and what each version answered since it got its place."""

    state: State
    champion: Traffic = NO_TRAFFIC
    candidate: Traffic = NO_TRAFFIC
    ended: Mapping[str, str] = field(default_factory=dict)
    """Why servers of the candidate ended and were started again, each by an id of its own: their counts are gone."""


class Target(Protocol):
    """Somewhere a pipeline is served. Every method raises Unreachable, saying what to do, when nobody answers."""

    @property
    def name(self) -> str:
        """The word in a spec's ``release.target``."""

    def observe(self, pipeline: str) -> Observed:
        """Return what is served; ``State()`` for a pipeline that the target does not know."""

    def apply(self, pipeline: str, state: State) -> None:
        """Serve ``state``; return once it answers requests. Applying what is served already changes nothing.

        A version that stays keeps answering, without a gap. Raises BundleError, with nothing changed, when a bundle
        is missing or cannot be served.
        """

    def endpoint(self, pipeline: str) -> str:
        """Return the URL that answers predictions."""

    def keep(self, pipeline: str, bundles: Collection[str]) -> tuple[str, ...]:
        """Remove what the target itself holds of other bundles, never of one it serves; return their digests."""


@runtime_checkable
class Limited(Protocol):
    """A target that cannot climb every rollout."""

    def cannot(self, rollout: Rollout) -> str:
        """Return why it cannot climb ``rollout``, "" when it can. Raises Unreachable."""
