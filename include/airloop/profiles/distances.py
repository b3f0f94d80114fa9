"""Distances between two columns' profiles: arithmetic on sketches, not a pass over rows.

Where every value is counted they equal the statistic on the rows. Else ranks are wrong by at most each column's
``rank_error`` (0.1 % or less), so Kolmogorov-Smirnov by the sum of both, and Wasserstein by that sum times the range
in standard deviations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from airloop.errors import nearest
from airloop.profiles.bins import Bins, bins, check_comparable, nudged
from airloop.profiles.column import Column

__all__ = [
    "ASPECTS", "METHODS", "Aspect", "Bins", "ChiSquare", "Method", "aspect", "aspect_distance", "bins", "chi_square",
    "distance", "ks_p_value", "new_categories", "vanished_categories",
]  # fmt: skip

Vector = np.ndarray[Any, np.dtype[np.float64]]
Method = Literal["psi", "jensen_shannon", "wasserstein", "kolmogorov_smirnov"]
METHODS: tuple[Method, ...] = get_args(Method)
Aspect = Literal["missing", "unseen"]
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
"""What of a column can move without its usual values: cells that are missing, and values that the reference lacks."""
FEWEST_EXPECTED = 5.0
"""Rows that a cell of the chi-square test must expect; smaller ones are pooled (Cochran 1954)."""


def distance(method: Method, reference: Column, window: Column) -> float:
    """Return how far ``window`` lies from ``reference``: 0 where they are alike, never infinite.

    Missing cells are a bin of ``psi`` and ``jensen_shannon``; the other two are of the values alone, and 1 where one
    side has none. Of categories, which have no order, those two are the total variation distance. Raises ValueError for
    times, for kinds that differ, for a side without rows, and for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"unknown distance {method!r}.{nearest(method, METHODS)}")
    if method in ("psi", "jensen_shannon"):
        return _OF_BINS[method](bins(reference, window))
    check_comparable(reference, window)
    if not reference.count or not window.count:
        return float(reference.count != window.count)
    if reference.kind == "category":
        return _total_variation(reference, window)
    return _kolmogorov_smirnov(reference, window) if method == "kolmogorov_smirnov" else _wasserstein(reference, window)


def stability_index(found: Bins) -> float:
    """Return the population stability index (dimensionless; Yurdakul & Naranjo 2020).

    An empty bin counts as half a row. Of equal populations its mean is about (bins - 1) (1 / n + 1 / m).
    """
    reference, window = (np.where(counts > 0, counts, 0.5) / counts.sum() for counts in (found.reference, found.window))
    return float(((window - reference) * np.log(window / reference)).sum())


def aspect(name: Aspect, reference: Column, window: Column) -> Bins:
    """Return two bins: known and missing cells, or values within what the reference holds and outside of it.

    Outside are numbers below its minimum or above its maximum, and categories that it lacks (none where it has too many
    to count them all). Raises ValueError for times, kinds that differ, and a side without rows.
    """
    check_comparable(reference, window)
    if name == "missing":
        sides = [np.array([side.count, side.nulls], np.float64) for side in (reference, window)]
    else:
        outside = _outside(reference, window) * window.count
        sides = [np.array([reference.count, 0.0]), np.array([window.count - outside, outside])]
    return Bins(("known", name), *sides)


def aspect_distance(name: Aspect, sides: Bins) -> float:
    """Return how far the two bins of ``aspect`` lie apart: missing cells by PSI, else the share that is outside.

    PSI would take any value that the reference lacks for a catastrophe. 0 where a side has no value.
    """
    if not (sides.reference.any() and sides.window.any()):
        return 0.0
    return stability_index(sides) if name == "missing" else float(sides.window[1] / sides.window.sum())


def jensen_shannon(found: Bins) -> float:
    """Return the Jensen-Shannon distance: the root of the divergence to base 2, 0 to 1 (Endres & Schindelin 2003)."""
    reference, window = found.shares
    middle = (reference + window) / 2
    divergence = 0.0
    for shares in (reference, window):
        used = shares > 0
        divergence += float((shares[used] * np.log2(shares[used] / middle[used])).sum()) / 2
    return float(np.sqrt(min(max(divergence, 0.0), 1.0)))


_OF_BINS: dict[str, Callable[[Bins], float]] = {"psi": stability_index, "jensen_shannon": jensen_shannon}


def ks_p_value(statistic: float, reference_rows: int, window_rows: int) -> float:
    """Return the chance of a Kolmogorov-Smirnov distance as large, if both come from one continuous distribution.

    The limit for many rows; with ties the true chance is smaller.
    """
    from scipy.special import kolmogorov

    return float(kolmogorov(statistic * np.sqrt(reference_rows * window_rows / (reference_rows + window_rows))))


@dataclass(frozen=True)
class ChiSquare:
    """Pearson's test that two sets of rows come from one distribution."""

    statistic: float
    degrees: int
    p_value: float


def chi_square(reference: Column, window: Column) -> ChiSquare:
    """Return the chi-square test of homogeneity; of numbers, on their bins.

    Every category is a cell, missing values are one too. Cells that expect fewer than 5 rows on either side are pooled;
    with a single cell left the p-value is 1.
    """
    from scipy.special import chdtrc

    counts = _pooled(_cells(reference, window))
    degrees = counts.shape[1] - 1
    if degrees < 1:
        return ChiSquare(0.0, 0, 1.0)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return ChiSquare(statistic, degrees, float(chdtrc(degrees, statistic)))


def new_categories(reference: Column, window: Column) -> dict[str, float]:
    """Return category → share of the window's values, for categories that the reference lacks; largest first.

    Empty where the reference has too many categories to count them all.
    """
    return _only_in(window, reference)


def vanished_categories(reference: Column, window: Column) -> dict[str, float]:
    """Return category → share of the reference's values, for categories that the window lacks; largest first.

    Empty where the window has too many categories to count them all.
    """
    return _only_in(reference, window)


def _only_in(one: Column, other: Column) -> dict[str, float]:
    if not other.is_exact or not one.count:
        return {}
    known = other.shares()
    found = [(name, share) for name, share in one.shares().items() if name not in known]
    return dict(sorted(found, key=lambda pair: (-pair[1], pair[0])))


def _outside(reference: Column, window: Column) -> float:
    """Return the share of the window's values that lie outside of the reference's."""
    if reference.kind == "category":
        return sum(new_categories(reference, window).values())
    if reference.minimum is None or reference.maximum is None or not window.count:
        return 0.0
    low, high = (nudged(np.array([edge]), way) for edge, way in ((reference.minimum, -1), (reference.maximum, 1)))
    return float(window.below(low)[0] + 1 - window.cdf(high)[0])


def _total_variation(reference: Column, window: Column) -> float:
    one, other = reference.shares(), window.shares()
    named = sum(abs(one.get(name, 0.0) - other.get(name, 0.0)) for name in sorted({*one, *other}))
    unnamed = abs(sum(one.values()) - sum(other.values()))
    return min((named + unnamed) / 2, 1.0)


def _kolmogorov_smirnov(reference: Column, window: Column) -> float:
    """Return the largest difference of the two cumulative shares, 0 to 1."""
    at = nudged(np.concatenate([reference.points[0], window.points[0]]), 1)
    return float(np.abs(reference.cdf(at) - window.cdf(at)).max())


def _wasserstein(reference: Column, window: Column) -> float:
    """Return the mean way of a value from one to the other, in standard deviations of the reference.

    Of a constant reference, in those of both together. Infinite values go no further than the largest finite one.
    """
    at = np.unique(np.concatenate([reference.points[0], window.points[0]]))
    at = at[np.isfinite(at)]
    # Halved, because the way from one end of the doubles to the other is no double.
    half_way = float(np.abs(reference.cdf(at) - window.cdf(at))[:-1] @ np.diff(at / 2)) if at.size > 1 else 0.0
    return half_way / (_spread(reference, window, at) / 2) if half_way else float(_infinite(reference, window))


def _spread(reference: Column, window: Column, at: Vector) -> float:
    """Return the standard deviation to measure by: the range of ``at`` where its square is no double."""
    with np.errstate(over="ignore"):
        apart = np.square((reference.mean or 0.0) - (window.mean or 0.0))
        spread = float(np.sqrt(reference.variance or (window.variance or 0.0) / 2 + apart / 4))
    return spread if np.isfinite(spread) and spread else min(float(at[-1] / 2 - at[0] / 2), np.finfo(float).max / 2) * 2


def _infinite(reference: Column, window: Column) -> float:
    """Return the difference in the shares of infinite values, all that columns with one finite value differ in."""
    ends = np.array([-np.inf, np.finfo(float).max])
    return float(np.abs(reference.cdf(ends) - window.cdf(ends)).max())


def _cells(reference: Column, window: Column) -> Vector:
    """Return how often each value occurs in both, shape (2, cells)."""
    found = bins(reference, window)
    if reference.kind == "number" or not (reference.is_exact and window.is_exact):
        return np.stack([found.reference, found.window])
    one, other = reference.shares(), window.shares()
    counts = [
        (one.get(name, 0.0) * reference.count, other.get(name, 0.0) * window.count) for name in sorted({*one, *other})
    ]
    return np.array([*counts, (reference.nulls, window.nulls)], np.float64).T


def _pooled(counts: Vector) -> Vector:
    """Return the cells with those that expect too few rows put together, and the pool itself kept from being small."""
    counts = counts[:, counts.sum(axis=0) > 0]
    least = float(counts.sum(axis=1).min() / counts.sum())
    counts = counts[:, np.argsort(-counts.sum(axis=0), kind="stable")]
    large = counts.sum(axis=0) * least >= FEWEST_EXPECTED
    pool = counts[:, ~large].sum(axis=1, keepdims=True)
    kept = counts[:, large]
    if not pool.sum():
        return kept
    if pool.sum() * least >= FEWEST_EXPECTED or not kept.size:
        return np.concatenate([kept, pool], axis=1)
    kept[:, -1:] += pool
    return kept
