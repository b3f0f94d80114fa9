"""The pictures of a window's page: which charts its drift, performance and past allow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airloop.monitoring import pictures
from airloop.monitoring.drift_record import ColumnRecord, DriftRecord
from airloop.monitoring.wording_of_drift import NAMES
from airloop.reports import wording

if TYPE_CHECKING:
    from airloop.monitoring.recent import Moment
    from airloop.monitoring.scores import Performance, Slice
    from airloop.reports.drawing import Spec

MOST_DISTRIBUTIONS = 6
_MOST_COLUMNS = 18
_MOST_SLICES = 30
_BOUND = re.compile(r"(?<=[<>≤≥] )(-?)(\d[\d.e+-]*)")

Figures = dict[str, tuple["Spec", str, str]]
"""Name → chart, title, and what it shows in a few words."""


def figures(drift: DriftRecord, performance: Performance, past: Sequence[Moment]) -> Figures:
    """Return every chart; ``past`` ends with this window."""
    found: Figures = {}
    if len(past) > 1:
        found["windows"] = (pictures.time_line(_levels(past)), "Recent windows", "What was said about each.")
    for metric in _shown_metrics(performance):
        points = _metric_points(past, performance, metric)
        if points:
            chart = pictures.metric_line(points, metric, _baseline(performance, metric))
            found[f"metric-{metric}"] = (chart, metric, "Over windows; dashed: on the holdout. Grey: estimated.")
    columns = shown(drift)
    if columns:
        found["drift"] = (_distances(drift, columns), "Distances", _HOW_TO_READ)
    for column in columns[:MOST_DISTRIBUTIONS]:
        found[f"distribution-{column.name}"] = (_distribution(column), column.name, _said(column))
    for (metric, by), group in _groups(performance.slices).items():
        chart = pictures.intervals([_interval(one) for one in group], metric, _baseline(performance, metric))
        found[f"slices-{metric}-{by}"] = (chart, f"{metric} by {by}", "With 95 % intervals; dashed: on the holdout.")
    return found


_HOW_TO_READ = (
    "Grey ticks: unchanged stretches of the training data, as long as this window. Dashed: warn and act. Drift lies "
    "well right of the ticks and beyond a dashed line."
)


def shown(drift: DriftRecord) -> list[ColumnRecord]:
    """Return the columns worth a picture: predictions, then by importance times distance."""
    return [one for one in drift.columns if one.is_prediction or one.importance > 0][:_MOST_COLUMNS]


def _levels(past: Sequence[Moment]) -> list[dict[str, str]]:
    rows = []
    for moment in past:
        said = {"drift": moment.drift, "performance": moment.performance, "decision": moment.action}
        rows += [{"end": moment.end, "what": what, "level": level} for what, level in said.items() if level]
    return rows


def _shown_metrics(performance: Performance) -> list[str]:
    """Return the metrics that rules ask for, else the first one that was measured."""
    asked = list(dict.fromkeys(loss.metric for loss in performance.losses))
    return asked or list(performance.metrics)[:1]


def _metric_points(past: Sequence[Moment], performance: Performance, metric: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for moment in past:
        for kind, values in (("measured", moment.metrics), ("estimated", moment.estimated)):
            if metric in values:
                rows.append({"end": moment.end, "kind": kind, "value": values[metric]})
    measured = performance.metrics.get(metric)
    if rows and measured is not None and measured.low is not None and measured.high is not None:
        last = next((row for row in reversed(rows) if row["kind"] == "measured"), None)
        if last is not None and last["end"] == past[-1].end:
            last |= {"lower": measured.low, "upper": measured.high}
    return rows


def _baseline(performance: Performance, metric: str) -> float | None:
    found = performance.baseline.get(metric)
    return None if found is None else found[0]


def _distances(drift: DriftRecord, columns: Sequence[ColumnRecord]) -> Spec:
    points = [{"name": one.name, "distance": one.distance, "level": str(one.level)} for one in columns]
    stretches = [{"name": one.name, "distance": each} for one in columns for each in one.stretches]
    return pictures.distances(points, stretches, NAMES[drift.rules.method], drift.rules.warn, drift.rules.act)


def _distribution(column: ColumnRecord) -> Spec:
    labels = _short(column.labels)
    rows = [
        {"bin": label, "share": share, "who": who}
        for who, shares in zip(("reference", "window"), column.shares, strict=True)
        for label, share in zip(labels, shares, strict=True)
    ]
    return pictures.distribution(rows, labels)


def _short(labels: Sequence[str]) -> list[str]:
    """Return bounds of bins with three digits, where they still differ then."""
    short = [
        _BOUND.sub(lambda found: wording.number(float(found[2]) * (-1 if found[1] else 1)), label) for label in labels
    ]
    return short if len(set(short)) == len(labels) else list(labels)


def _said(column: ColumnRecord) -> str:
    if column.mean is None or None in column.mean:
        return f"{column.level}."
    before, now = column.mean
    return f"{column.level}. Mean {before:,.4g} before, {now:,.4g} now."


def _groups(slices: Sequence[Slice]) -> Mapping[tuple[str, str], list[Slice]]:
    groups: dict[tuple[str, str], list[Slice]] = {}
    for one in slices:
        if one.measured.value is not None:
            groups.setdefault((one.metric, one.column), []).append(one)
    return {key: group[:_MOST_SLICES] for key, group in groups.items()}


def _interval(one: Slice) -> dict[str, Any]:
    value, low, high = one.measured.value, one.measured.low, one.measured.high
    return {
        "name": one.name,
        "value": value,
        "lower": value if low is None else low,
        "upper": value if high is None else high,
    }
