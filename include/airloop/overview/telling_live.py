"""What was seen on a target, as pages show it: rates from two looks, and where the ledger says something else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airloop.overview.shapes import Live, Traffic
from airloop.release.evidence import Traffic as Counted
from airloop.release.reconcile import apart
from airloop.release.target import Observed, Placed, State

if TYPE_CHECKING:
    from airloop.ledger import Champion

LAST_SECONDS = 60.0
"""A rate over more than this says nothing about now."""


@dataclass(frozen=True)
class Look:
    """What one look at a pipeline on a target gave; ``observed`` is None where ``problem`` says why."""

    at: float
    """Seconds on the watcher's clock."""
    target: str
    endpoint: str = ""
    observed: Observed | None = None
    problem: str = ""


def live_of(pipeline: str, look: Look, before: Look | None, differences: tuple[str, ...] = ()) -> Live:
    """Return what ``look`` saw, with rates since ``before``."""
    seen = look.observed
    if seen is None:
        return Live(pipeline=pipeline, target=look.target, endpoint=look.endpoint, problem=look.problem)
    state = seen.state
    return Live(
        pipeline=pipeline,
        target=look.target,
        endpoint=look.endpoint,
        champion=_traffic(look, before, state.champion, 100 - state.candidate_percent),
        candidate=_traffic(look, before, state.candidate, state.candidate_percent),
        is_shadow=state.shadow,
        differences=differences,
    )


def _traffic(look: Look, before: Look | None, placed: Placed | None, percent: int) -> Traffic | None:
    if placed is None:
        return None
    counted = counts_of(look, placed.version)
    return Traffic(
        version=placed.version,
        percent=percent,
        requests=counted.requests,
        failures=counted.failures,
        per_second=_rate(look, before, placed.version),
        p50_ms=counted.latency_p50_ms if counted.requests else None,
        p99_ms=counted.latency_p99_ms if counted.requests else None,
    )


def counts_of(look: Look, version: str) -> Counted:
    """Return what a version counted; of a shadow the copies that it got."""
    seen = look.observed
    if seen is None:
        return Counted()
    state = seen.state
    if state.candidate is not None and state.candidate.version == version:
        return seen.candidate.copied if state.shadow and not state.candidate_percent else seen.candidate
    return seen.champion if state.champion is not None and state.champion.version == version else Counted()


def _rate(look: Look, before: Look | None, version: str) -> float | None:
    """Return requests a second between two looks, None where there is no look shortly before."""
    if before is None or before.observed is None or not 0 < look.at - before.at <= LAST_SECONDS:
        return None
    came = counts_of(look, version).since(counts_of(before, version))
    return came.requests / (look.at - before.at)


def differences(state: State, champion: Champion | None, *, is_releasing: bool) -> tuple[str, ...]:
    """Return where the target and the ledger differ; while a run ``is_releasing``, a candidate belongs there."""
    live = replace(champion, image="") if champion is not None else None
    served = replace(state, champion=_bare(state.champion), candidate=_bare(state.candidate))
    return tuple(apart(live, State(served.champion) if is_releasing else served))


def _bare(placed: Placed | None) -> Placed | None:
    """Return a version without its image, which not every look tells."""
    return None if placed is None else replace(placed, image="")
