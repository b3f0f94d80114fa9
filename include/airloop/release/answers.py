"""How far a shadow's answers are from the champion's, found in what both servers keep of their latest answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from airloop.release.evidence import Traffic
from airloop.release.target import State

Answers = Mapping[str, Sequence[float] | Sequence[Sequence[float]]]
"""Id of a request → the answers to its rows, shape (rows,) or (rows, classes)."""


def largest_difference(champion: Answers, candidate: Answers) -> float:
    """Return the largest difference between answers to the same requests; 0.0 where no request is in both.

    Answers of another shape differ by infinity.
    """
    return max(
        (_difference(champion[name], candidate[name]) for name in champion.keys() & candidate.keys()), default=0.0
    )


@dataclass
class Largest:
    """The largest difference seen since a pipeline's state changed: servers keep only their latest answers."""

    _seen: dict[str, tuple[State, float]] = field(default_factory=dict)

    def add(self, pipeline: str, state: State, champion: Answers, candidate: Answers) -> None:
        """Look at the latest answers."""
        before = self._of(pipeline, state)
        self._seen[pipeline] = (state, max(before, largest_difference(champion, candidate)))

    def on(self, traffic: Traffic, pipeline: str, state: State) -> Traffic:
        """Return a candidate's counts with the largest difference seen in ``state``."""
        return replace(traffic, shadow_largest_difference=self._of(pipeline, state))

    def _of(self, pipeline: str, state: State) -> float:
        seen, largest = self._seen.get(pipeline, (state, 0.0))
        return largest if seen == state else 0.0


def _difference(one: Sequence[object], other: Sequence[object]) -> float:
    first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if first.shape != second.shape:
        return float("inf")
    return float(np.max(np.abs(first - second), initial=0.0))
