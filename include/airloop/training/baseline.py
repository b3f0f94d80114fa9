"""How good a model was on its holdout, and what its probabilities were worth there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop.spec.words import METRICS
from airloop.statistics.blocks import blocks_of
from airloop.statistics.bounds import standard_error
from airloop.statistics.metrics import OneClass, score

if TYPE_CHECKING:
    from airloop.spec.words import Task

Vector = np.ndarray[Any, np.dtype[np.float64]]
FEWEST_ROWS = 100
"""Labelled rows below which nothing is said about calibration."""
_KNOTS = 50
"""Knots of the calibration curve, about as many rows between any two."""


@dataclass(frozen=True)
class Holdout:
    """Labelled rows that no training saw, oldest first."""

    truth: Vector
    """Class index or value, shape (n,)."""
    predictions: Vector
    """Of the released fit: shape (n,), or (n, classes)."""
    times: np.ndarray[Any, np.dtype[np.datetime64]] | None
    """Event times, UTC, shape (n,); None where rows have no time."""


def baseline(task: Task, holdout: Holdout) -> dict[str, tuple[float, float | None]]:
    """Return metric → value and standard error over other days (or hours, or rows: ``statistics.blocks``).

    Metrics that the rows do not define are left out; an error that they do not define is None.
    """
    found: dict[str, tuple[float, float | None]] = {}
    blocks = blocks_of(holdout.times)
    for name, metric in METRICS.items():
        if task not in metric.tasks or not holdout.truth.size:
            continue
        try:
            value = score(name, holdout.truth, holdout.predictions)
        except OneClass:
            continue
        error = standard_error(name, holdout.truth, holdout.predictions, blocks)
        found[name] = value, error[0] if error else None
    return found


def calibration(holdout: Holdout) -> tuple[tuple[float, float], ...] | None:
    """Return rising (promised, observed) probabilities of class 1: an isotonic regression, thinned to some 50 knots.

    Least squares under monotony (Zadrozny & Elkan 2002). None for fewer than 100 rows or one class alone.
    """
    from scipy.optimize import isotonic_regression

    truth, promised = holdout.truth, holdout.predictions
    if len(truth) < FEWEST_ROWS or truth.min() == truth.max():
        return None
    distinct, of_row, counts = np.unique(promised, return_inverse=True, return_counts=True)
    shares = np.bincount(of_row, weights=truth) / counts
    observed = isotonic_regression(shares, weights=counts).x
    ranks = np.cumsum(counts) - counts / 2
    chosen = np.unique(np.searchsorted(ranks, np.linspace(ranks[0], ranks[-1], _KNOTS)).clip(max=len(distinct) - 1))
    return tuple(zip(distinct[chosen].tolist(), observed[chosen].tolist(), strict=True))
