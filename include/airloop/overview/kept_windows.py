"""What the store keeps of a window's drift and performance, read once: these artifacts never change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from airloop.errors import AirloopError
from airloop.spec.metrics import worse

if TYPE_CHECKING:
    from airloop.workspace import Workspace

T = TypeVar("T")
_MOST_KEPT = 4096


@dataclass(frozen=True)
class Limits:
    """What a rule holds a metric against, in the metric's unit."""

    reference: float | None
    warn: float
    act: float
    level: Any


@dataclass(frozen=True)
class Bounded:
    """A metric of one window with its bounds."""

    value: float
    lower: float | None
    upper: float | None
    rows: int


@dataclass(frozen=True)
class Details:
    """What is kept of a window's performance in the store."""

    measured: Mapping[str, Bounded] = field(default_factory=dict)
    estimated: Mapping[str, Bounded] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)


def while_it_answers(read: Callable[[str], T], otherwise: T) -> Callable[[str], T]:
    """Return ``read`` with an answer for what is gone; a store that does not answer is asked once, not for each."""
    silent = False

    def reading(digest: str) -> T:
        nonlocal silent
        if silent:
            return otherwise
        try:
            return read(digest)
        except AirloopError as error:
            silent = error.retryable
            return otherwise

    return reading


@lru_cache(maxsize=_MOST_KEPT)
def distance_in(workspace: Workspace, digest: str) -> float | None:
    """Return the largest distance of a kept drift. Raises DataError where it is gone, and Unreachable."""
    from airloop.monitoring.drift import largest_distance, load_drift
    from airloop.refs import DriftRef, Level

    return largest_distance(load_drift(workspace, DriftRef(digest=digest, uri="", level=Level.OK, reasons=())))


@lru_cache(maxsize=_MOST_KEPT)
def details_in(workspace: Workspace, digest: str) -> Details:
    """Return what a kept performance says. Raises DataError where it is gone, and Unreachable."""
    from airloop.monitoring.scores import load_performance

    found = load_performance(workspace, digest)
    return Details(
        measured={
            name: Bounded(value=one.value, lower=one.low, upper=one.high, rows=one.rows)
            for name, one in found.metrics.items()
            if one.value is not None
        },
        estimated={
            name: Bounded(value=one.value, lower=one.low, upper=one.high, rows=one.rows)
            for name, one in found.estimated.items()
        },
        limits=dict(_limits(found.losses)),
    )


def _limits(losses: Sequence[Any]) -> Iterator[tuple[str, Limits]]:
    for loss in losses:
        base = loss.baseline
        if base is None:
            continue
        yield (
            loss.metric,
            Limits(
                reference=base,
                warn=worse(loss.metric, base, loss.warn),
                act=worse(loss.metric, base, loss.act),
                level=str(loss.level),
            ),
        )
