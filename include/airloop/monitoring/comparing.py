"""Comparing a window with the reference in its bundle: distances, and those of the reference's own stretches."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airloop.monitoring import significance
from airloop.monitoring.drifting import Natural
from airloop.monitoring.measured import VALUES, Facet, Measured
from airloop.profiles.bins import Bins, bins
from airloop.profiles.distances import (
    ASPECTS,
    Aspect,
    Method,
    aspect,
    aspect_distance,
    distance,
    new_categories,
    vanished_categories,
)

if TYPE_CHECKING:
    from airloop.profiles import Column, Profile
    from airloop.profiles.reference import Reference

_MOST_CATEGORIES = 20


def measure(
    reference: Reference, window: Profile, predictions: Profile, method: Method, length: timedelta
) -> list[Measured]:
    """Return every column that both sides have, then the predictions. Times have no distance and are left out.

    Without any importance known, all columns count the same. Natural variation is that of windows of ``length``; the
    reference knows one length only.
    """
    if nature(reference, length)[0] != "known":
        reference = replace(reference, natural={})
    known = math.fsum(reference.importance.values()) > 0
    shared = [name for name in reference.columns.columns if name in window.columns]
    shared = [name for name in shared if reference.columns.columns[name].kind != "time"]
    measured = []
    for name in shared:
        importance = reference.importance.get(name, 0.0) if known else 1 / len(shared)
        sides = reference.columns.columns[name], window.columns[name]
        measured.append(_measured(reference, name, *sides, method, importance, is_prediction=False))
    for name, column in reference.prediction.columns.items():
        if name in predictions.columns:
            sides = column, predictions.columns[name]
            measured.append(_measured(reference, name, *sides, method, 0.0, is_prediction=True))
    return [one for one in measured if one is not None]


def nature(reference: Reference, length: timedelta) -> tuple[Natural, int]:
    """Return whether natural variation of windows of ``length`` is known, and from how many stretches."""
    if reference.window is None:
        return "none", 0
    stretches = max((len(found) for found in reference.natural.get("psi", {}).values()), default=0)
    return ("known", stretches) if stretches and reference.window == length else ("unknown", 0)


def _measured(
    reference: Reference,
    name: str,
    column: Column,
    window: Column,
    method: Method,
    importance: float,
    *,
    is_prediction: bool,
) -> Measured | None:
    if not column.rows or not window.rows:
        return None
    found = bins(column, window)
    facets = {VALUES: _values(reference, name, column, window, method, found)}
    for one in ASPECTS:
        two = aspect(one, column, window)
        if two.reference[1] or two.window[1]:
            facets[one] = _aspect(reference, name, column, window, method, one, two)
    facts: dict[str, Any] = {
        "stretches": [one for one in reference.natural.get(method, {}).get(name, ()) if math.isfinite(one)],
        "kind": column.kind,
        "nulls": [column.null_share, window.null_share],
        "bins": {"labels": list(found.labels), "shares": [shares.tolist() for shares in found.shares]},
    }
    if column.kind == "category":
        facts["new"] = dict(list(new_categories(column, window).items())[:_MOST_CATEGORIES])
        facts["vanished"] = dict(list(vanished_categories(column, window).items())[:_MOST_CATEGORIES])
    else:
        facts["mean"] = [column.mean, window.mean]
    return Measured(name, importance, window.rows, column.rows, facets, is_prediction, facts)


def _values(reference: Reference, name: str, column: Column, window: Column, method: Method, found: Bins) -> Facet:
    # PSI and its like are full as soon as nothing overlaps. How far a number went, against how far it goes anyway, is
    # asked of the Wasserstein distance, which is not.
    by: Method = "wasserstein" if column.kind == "number" else method
    sized = _word(by, column)
    degrees = found.degrees
    if sized == "total_variation":
        degrees = max(len({*column.shares(), *window.shares()}) - 1, 0)
    size = significance.beyond_noise(sized, distance(by, column, window), degrees, _h(window.rows, column.rows))
    return Facet(
        method=_word(method, column),
        distance=distance(method, column, window),
        degrees=degrees,
        size=significance.magnitude(sized, size),
        natural=_stretches(reference, name, column.rows, by, sized, degrees),
    )


def _aspect(
    reference: Reference, name: str, column: Column, window: Column, method: Method, which: Aspect, two: Bins
) -> Facet:
    far = aspect_distance(which, two)
    by = sized = "psi" if which == "missing" else "total_variation"
    h = _h(window.rows, column.rows)
    size = significance.magnitude(sized, significance.beyond_noise(sized, far, 1, h))
    if which == "missing" and method != "psi":
        by, far = "total_variation", abs(window.null_share - column.null_share)
    natural = _stretches(reference, name, column.rows, which, sized, 1)
    return Facet(method=by, distance=far, degrees=1, size=size, natural=natural)


def _stretches(
    reference: Reference, name: str, rows: int, by: Method | Aspect, sized: str, degrees: int
) -> tuple[float, ...]:
    """Return the magnitudes of the reference's stretches, less the noise of their rows, as if compared with all rows.

    A stretch is compared with k - 1 others, the window with as many as the reference holds: predictions may be of few.
    """
    found = [one for one in reference.natural.get(by, {}).get(name, ()) if math.isfinite(one)]
    usual = min(reference.usual_rows, rows / 2)
    h = _h(usual, rows - usual)
    held = max(rows / usual, 1.0) if usual else 1.0
    wider = math.sqrt((1 + 1 / held) / (1 + 1 / max(len(found) - 1, 1)))
    less = [significance.magnitude(sized, significance.beyond_noise(sized, one, degrees, h)) for one in found]
    # A stretch that noise alone explains may have moved by what noise hides.
    hidden = math.sqrt(significance.expected_noise(sized, 1, h))
    return tuple(max(wider, 1.0) * max(one, hidden) for one in less)


def _word(method: Method, column: Column) -> str:
    is_ordered = column.kind == "number" or method in ("psi", "jensen_shannon")
    return method if is_ordered else "total_variation"


def _h(rows: float, reference_rows: float) -> float:
    return 1 / rows + 1 / reference_rows if rows > 0 and reference_rows > 0 else math.inf
