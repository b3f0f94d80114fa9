"""Bins: the shares of reference and window behind PSI, Jensen-Shannon and chi-square, and behind the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from airloop.profiles.column import Column

Vector = np.ndarray[Any, np.dtype[np.float64]]

BINS = 10
"""Of numbers, each with the same share of the reference as far as ties allow."""
FEW = 20
"""Different values up to which each has a bin of its own; and the most frequent categories that have one."""
_ROUNDING = 2.0**-44
"""Relative difference below which numbers are alike: features computed on another machine may differ in some bits."""
OTHER, NEW, MISSING = "(other)", "(new)", "(missing)"


@dataclass(frozen=True)
class Bins:
    """How many cells of each side fall in each bin, shape (bins,); what is empty on both sides is no bin."""

    labels: tuple[str, ...]
    reference: Vector
    window: Vector

    @property
    def degrees(self) -> int:
        """Of freedom: bins less one."""
        return max(len(self.labels) - 1, 0)

    @property
    def shares(self) -> tuple[Vector, Vector]:
        """Shares of reference and window, each summing to 1."""
        return self.reference / self.reference.sum(), self.window / self.window.sum()


def bins(reference: Column, window: Column) -> Bins:
    """Return the bins of two columns of one kind, numbers or categories.

    Numbers: tenths of the reference, where a value with a tenth or more has a bin of its own, or one bin a value where
    the reference has at most 20; what lies outside its range falls in the end bins. Categories: the 20 most frequent
    of the reference, ``(other)`` for its others, ``(new)`` for those it lacks. Missing cells are a bin of their own.

    Raises ValueError for times, kinds that differ, and a column without rows.
    """
    check_comparable(reference, window)
    found = _of_numbers(reference, window) if reference.kind == "number" else _of_categories(reference, window)
    labels, counts = [*found[0], MISSING], np.array([*found[1], (reference.nulls, window.nulls)], np.float64)
    used = counts.sum(axis=1) > 0
    return Bins(tuple(np.array(labels, object)[used]), counts[used, 0], counts[used, 1])


def check_comparable(reference: Column, window: Column) -> None:
    """Raise ValueError for times, kinds that differ, and a column without rows."""
    if reference.kind != window.kind or reference.kind == "time":
        raise ValueError(f"need two columns of numbers or two of categories, got {reference.kind} and {window.kind}")
    if not reference.rows or not window.rows:
        raise ValueError(f"need rows on both sides, got {reference.rows} and {window.rows}")


def _of_numbers(reference: Column, window: Column) -> tuple[list[str], list[tuple[float, float]]]:
    if not reference.count:
        return ["any number"], [(0.0, float(window.count))]
    values, closed = edges(reference)
    masses = []
    for column in (reference, window):
        ranks = np.where(closed, column.cdf(nudged(values, 1)), column.below(nudged(values, -1)))
        masses.append(np.diff(np.concatenate([[0.0], ranks, [1.0]])) * column.count)
    return _labels(values, closed), list(zip(masses[0].tolist(), masses[1].tolist(), strict=True))


def edges(reference: Column) -> tuple[Vector, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return the upper edges of all bins of numbers but the last, rising, and whether each belongs to its bin.

    A single value's bin lies between two equal ones. Shapes (bins - 1,); raises ValueError where there is no number.
    """
    if reference.is_exact and (reference.distinct or 0) <= FEW:
        tops = singles = reference.points[0]
    else:
        tops = np.unique(reference.quantiles(np.arange(1, BINS) / BINS))
        singles = tops[reference.cdf(tops) - reference.below(tops) >= 1 / BINS]
    values = np.concatenate([singles, tops])
    closed = np.repeat([False, True], [len(singles), len(tops)])
    order = np.lexsort((closed, values))
    return values[order], closed[order]


def nudged(values: Vector, direction: int) -> Vector:
    """Return ``values`` moved up (1) or down (-1) by what rounding may have changed them; infinite ones as they are."""
    with np.errstate(over="ignore", invalid="ignore"):
        moved: Vector = np.where(np.isfinite(values), values + np.abs(values) * (_ROUNDING * direction), values)
    return moved


def _labels(values: Vector, closed: np.ndarray[Any, np.dtype[np.bool_]]) -> list[str]:
    labels = [f"≤ {values[0]:.6g}" if closed[0] else f"< {values[0]:.6g}"]
    for number in range(1, len(values)):
        low, high = f"{values[number - 1]:.6g}", f"{values[number]:.6g}"
        if values[number] == values[number - 1]:
            labels.append(high)
        else:
            labels.append(f"{'>' if closed[number - 1] else '≥'} {low}, {'≤' if closed[number] else '<'} {high}")
    return [*labels, f"{'>' if closed[-1] else '≥'} {values[-1]:.6g}"]


def _of_categories(reference: Column, window: Column) -> tuple[list[str], list[tuple[float, float]]]:
    known, seen = reference.shares(), window.shares()
    own = sorted(sorted(known), key=lambda name: -known[name])[:FEW]
    counts = [(known[name] * reference.count, seen.get(name, 0.0) * window.count) for name in own]
    # Where the reference counts frequent ones only, what it does not name may well be in it.
    new = sum(share for name, share in seen.items() if name not in known) * window.count if reference.is_exact else 0.0
    other = [
        max(column.count - sum(count[side] for count in counts) - (new if side else 0.0), 0.0)
        for side, column in enumerate((reference, window))
    ]
    return [*own, OTHER, NEW], [*counts, (other[0], other[1]), (0.0, new)]
