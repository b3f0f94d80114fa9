"""Numbers of a column: each value counted while there are few, groups of neighbours where there are many.

Columns of numbers mostly have few different values: hours, years, whole degrees, booleans. Up to 4,096 of them are
counted, and everything read from the counts is exact, whatever the order in which parts were merged. More are grouped:
values with a share above 1/2048 stay counted, neighbours among the others share a point, their weighted median (the
COLLAPSE of Manku, Rajagopalan & Lindsay 1998, for weighted values). How far that moves any rank is known and carried
along (``slack``), whatever the distribution, heavy tails included: 0.05 % or less for one pass, half as much again for
each merge, however many parts it takes in.

Not the KLL or t-digest of Apache DataSketches, whose HyperLogLog counts the different values here: the same rows must
give the same bytes, and KLL tosses coins whose seed cannot be set; t-digest is deterministic, but its points in the
middle weigh 1 % each, so that a value which occurs often, or tails that are heavy enough, move ranks by as much
(``benchmarks/sketches.py`` compares).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    import datasketches

Vector = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
Moments = tuple[int, float, float]
"""Number, mean, and sum of squared deviations from it, of finite values."""

COUNTED = 4_096
"""Different values up to which all are counted."""
GROUPS = 2_048
"""Groups that the values are put in where there are more."""
_WAITING = 1_000_000
"""Points (16 bytes each) that wait to be grouped at once: grouping again and again would add up its errors."""
_FINE = 65_536
"""Groups made of them where still more wait."""
_ROWS = 131_072
"""Values looked at together."""
_HASHED = 16
"""One in so many different values is counted by the HyperLogLog, which the binding feeds one by one."""
_LOG_REGISTERS = 12


class Numbers(msgspec.Struct, frozen=True, tag="number", dict=True):
    """What is kept of numbers; ``mean`` and ``squares`` (sum of squared deviations) are of the finite ones."""

    count: int
    finite: int
    minimum: float
    maximum: float
    mean: float
    squares: float
    values: bytes
    """Different values, float64, little-endian, rising; -inf and inf may be among them."""
    weights: bytes
    """How many of the numbers each stands for, int64, little-endian; their sum is ``count``."""
    slack: int = 0
    """Numbers by which a rank may be wrong; 0 where every value is counted."""
    hashes: bytes = b""
    """HyperLogLog of one in 16 different values; empty where every value is counted."""

    @property
    def is_exact(self) -> bool:
        """Whether every value is counted."""
        return not self.hashes

    @property
    def distinct(self) -> int:
        """Different values: exact, or with a standard error below 5 %."""
        import datasketches

        if self.is_exact:
            return len(self.values) // 8
        return round(_HASHED * float(datasketches.hll_sketch.deserialize(self.hashes).get_estimate()))

    @cached_property
    def points(self) -> tuple[Vector, Integers]:
        """``values`` and ``weights`` as arrays, shape (m,)."""
        return np.frombuffer(self.values, "<f8"), np.frombuffer(self.weights, "<i8")

    @cached_property
    def ranks(self) -> Vector:
        """Share of the numbers before each point, shape (m + 1,): begins with 0, ends with 1."""
        sums = np.concatenate([[0], np.cumsum(self.points[1])])
        ranks: Vector = sums / max(self.count, 1)
        return ranks


def of_values(values: Vector) -> Numbers:
    """Return what is kept of ``values``, float64 (n,) without NaN."""
    gathered = _Gathered()
    for start in range(0, len(values), _ROWS):
        gathered.add(*_value_counts(values[start : start + _ROWS]))
    return gathered.numbers()


def merged(parts: Iterable[Numbers]) -> Numbers:
    """Return what is kept of all parts' numbers. The order of the parts does not matter."""
    gathered = _Gathered()
    for part in sorted(parts, key=lambda part: (part.count, part.values, part.weights, part.mean)):
        gathered.add_part(part)
    return gathered.numbers()


class _Gathered:
    """Points that wait to be put together."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Vector, Integers]] = []
        self._points = 0
        self._slack = 0
        self._moments: Moments = 0, 0.0, 0.0
        self._range = math.inf, -math.inf
        self._hashes: datasketches.hll_union | None = None

    def add(self, values: Vector, counts: Integers) -> None:
        """Take in different values, rising, and how often each occurs."""
        if not values.size:
            return
        self._moments = _together(self._moments, _moments(values, counts))
        self._widen(float(values[0]), float(values[-1]))
        if len(values) > COUNTED:
            self._hash(values)
            values, counts, slack = grouped(values, counts, GROUPS)
            self._slack += slack
        self._wait(values, counts)

    def add_part(self, part: Numbers) -> None:
        """Take in what is kept of other numbers."""
        import datasketches

        if not part.count:
            return
        self._moments = _together(self._moments, (part.finite, part.mean, part.squares))
        self._widen(part.minimum, part.maximum)
        self._slack += part.slack
        if part.hashes:
            self._union().update(datasketches.hll_sketch.deserialize(part.hashes))
        self._wait(*part.points)

    def numbers(self) -> Numbers:
        """Return what is kept."""
        import datasketches

        values, counts = self._put_together(GROUPS, COUNTED)
        hashes = b""
        if self._hashes is None:
            self._moments = _exact_moments(values, counts)
        else:
            self._hash(values)
            hashes = self._hashes.get_result(datasketches.tgt_hll_type.HLL_8).serialize_compact()
        low, high = self._range if values.size else (0.0, 0.0)
        kept = values.astype("<f8").tobytes(), counts.astype("<i8").tobytes()
        finite, mean, squares = self._moments
        return Numbers(int(counts.sum()), finite, low, high, mean, squares, *kept, self._slack, hashes)

    def _widen(self, low: float, high: float) -> None:
        self._range = min(self._range[0], low), max(self._range[1], high)

    def _wait(self, values: Vector, counts: Integers) -> None:
        self._waiting.append((values, counts))
        self._points += len(values)
        if self._points > _WAITING:
            self._waiting = [self._put_together(_FINE, _FINE)]
            self._points = len(self._waiting[0][0])

    def _put_together(self, groups: int, most: int) -> tuple[Vector, Integers]:
        """Return the points that wait as one rising list, grouped where there are more than ``most``."""
        if not self._waiting:
            return np.empty(0), np.empty(0, np.int64)
        values, counts = _summed(*(np.concatenate(arrays) for arrays in zip(*self._waiting, strict=True)))
        if len(values) <= most:
            return values, counts
        self._hash(values)
        values, counts, slack = grouped(values, counts, groups)
        self._slack += slack
        return values, counts

    def _hash(self, values: Vector) -> None:
        union = self._union()
        for name in _sampled(values):
            union.update(name)

    def _union(self) -> datasketches.hll_union:
        import datasketches

        if self._hashes is None:
            self._hashes = datasketches.hll_union(_LOG_REGISTERS)
        return self._hashes


def grouped(values: Vector, weights: Integers, groups: int) -> tuple[Vector, Integers, int]:
    """Return some ``groups`` points for more, rising ones, and by how many numbers a rank may now be wrong.

    A point that weighs as much as a group stays. The others are cut where the sum of weights passes multiples of the
    group's weight, and each group becomes its weighted median, so that a rank moves by half a group at most.
    """
    ends = np.cumsum(weights)
    size = ends[-1] / groups
    is_heavy = weights >= size
    group = ((ends - weights) / size).astype(np.int64)
    # Neighbours share a group unless one of them is heavy or a multiple lies between them.
    is_first = np.concatenate([[True], (group[1:] != group[:-1]) | is_heavy[1:] | is_heavy[:-1]])
    starts = np.flatnonzero(is_first)
    sums = np.add.reduceat(weights, starts)
    before = ends[starts] - weights[starts]
    medians = np.searchsorted(ends, before + sums / 2)
    short = ends[medians] - weights[medians] - before
    over = before + sums - ends[medians]
    return values[medians], sums, int(np.maximum(short, over).max())


def _value_counts(values: Vector) -> tuple[Vector, Integers]:
    """Return the different values, rising, and how often each occurs."""
    import pandas as pd

    values = values + 0.0  # -0.0 becomes 0.0
    if len(pd.unique(values[:8_192])) > COUNTED:
        values.sort()
        starts = _starts(values)
        return values[starts], np.diff(np.append(starts, len(values)))
    # Hashing is three times as fast as sorting where values repeat.
    places, distinct = pd.factorize(values)
    order = np.argsort(distinct)
    return distinct[order], np.bincount(places, minlength=len(distinct))[order].astype(np.int64)


def _summed(values: Vector, weights: Integers) -> tuple[Vector, Integers]:
    """Return the different ``values``, rising, and the sum of each one's ``weights``."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    starts = _starts(ranked)
    return ranked[starts], np.add.reduceat(weights[order], starts)


def _starts(ranked: Vector) -> Integers:
    """Return where each of the different values begins."""
    return np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))


def _sampled(values: Vector) -> list[int]:
    """Return the hashes of one in 16 values, chosen by the hash (SplitMix64; Steele, Lea & Flood 2014)."""
    mixed = values.view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    chosen: list[int] = (mixed[mixed % np.uint64(_HASHED) == 0] >> np.uint64(1)).tolist()
    return chosen


def _moments(values: Vector, counts: Integers) -> Moments:
    finite = np.isfinite(values)
    values, counts = values[finite], counts[finite]
    rows = int(counts.sum())
    if not rows:
        return 0, 0.0, 0.0
    with np.errstate(over="ignore"):  # Squares of numbers above 1e154 are infinite, and said to be.
        mean = float((values * (counts / rows)).sum())
        return rows, mean, float(((values - mean) ** 2 * counts).sum())


def _exact_moments(values: Vector, counts: Integers) -> Moments:
    """Return the moments of counted values, each sum rounded once, so that the order of merging leaves no trace."""
    finite = np.isfinite(values)
    values, counts = values[finite], counts[finite]
    rows = int(counts.sum())
    if not rows:
        return 0, 0.0, 0.0
    mean = math.fsum((values * (counts / rows)).tolist())
    with np.errstate(over="ignore"):
        deviations = ((values - mean) ** 2 * counts).tolist()
    try:
        return rows, mean, math.fsum(deviations)
    except OverflowError:
        return rows, mean, math.inf


def _together(one: Moments, other: Moments) -> Moments:
    """Return the moments of both (Chan, Golub & LeVeque 1983)."""
    if not one[0] or not other[0]:
        return one if one[0] else other
    rows = one[0] + other[0]
    apart = other[1] - one[1]
    share = other[0] / rows
    return rows, one[1] + apart * share, one[2] + other[2] + apart * apart * one[0] * share
