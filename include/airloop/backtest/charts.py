"""Charts of a backtest: Vega-Lite specs from its steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airloop.backtest.policies import WORDS, Policy
from airloop.backtest.summary import CONFIDENCE
from airloop.backtest.walk import Step, Walk
from airloop.reports.drawing import BAD, CANDIDATE, CHAMPION, GOOD, INK, LINE, MUTED, Spec
from airloop.spec.words import METRICS

WIDTH = 860
_POLICIES: tuple[Policy, ...] = ("never", "gates", "always")
"""In the order in which they are drawn."""
_COLOURS: dict[Policy, str] = {"gates": CANDIDATE, "never": CHAMPION, "always": MUTED}
_VERDICTS = {"PROMOTE": GOOD, "HOLD": INK, "REJECT": BAD, "SKIPPED": MUTED}
_AXIS: Spec = {"labelAngle": 0, "grid": False, "format": "%b %d", "labelOverlap": True}


def over_time(walk: Walk, metric: str, *, strip: bool) -> Spec:
    """Return the metric of the three policies on each interval, bands and changes of champion; with the verdicts."""
    policies = [one for one in _POLICIES if one != "gates" or walk.has_gates]
    points = [point for policy in policies for point in _points(walk, policy, metric)]
    better = "higher" if METRICS[metric].more_is_better else "lower"
    y = {"type": "quantitative", "title": f"{metric} ({better} is better)", "scale": {"zero": False}}
    axis = {**_AXIS, "labels": False, "ticks": False} if strip else _AXIS
    x = {"field": "time", "type": "temporal", "title": None, "axis": axis, "scale": _domain(walk)}
    colour, dash = _told_apart(policies)
    line = {
        "data": {"values": points},
        "mark": {"type": "line", "strokeWidth": 2.2},
        "encoding": {"x": x, "y": {"field": "value", **y}, "color": colour, "strokeDash": dash},
    }
    above: Spec = {"width": WIDTH, "height": 260, "layer": [_changes(walk), *_bands(points, policies, x, y), line]}
    if not strip:
        return above
    return {"vconcat": [above, _strip(walk)], "spacing": 10}


def gain_so_far(walk: Walk, metric: str) -> Spec:
    """Return the mean gain over never retraining up to each interval, with its bounds; above 0 retraining pays."""
    policies = [one for one in _POLICIES if one != "never" and (one != "gates" or walk.has_gates)]
    points = [point for policy in policies for point in _so_far(walk, policy, metric)]
    x = {"field": "time", "type": "temporal", "title": None, "axis": _AXIS, "scale": _domain(walk)}
    y = {"type": "quantitative", "title": f"{metric}, mean gain so far"}
    colour, dash = _told_apart(policies)
    line = {
        "data": {"values": points},
        "mark": {"type": "line", "strokeWidth": 2.2},
        "encoding": {"x": x, "y": {"field": "value", **y}, "color": colour, "strokeDash": dash},
    }
    zero = {"data": {"values": [{}]}, "mark": {"type": "rule", "color": MUTED}, "encoding": {"y": {"datum": 0}}}
    return {"width": WIDTH, "height": 200, "layer": [zero, *_bands(points, policies, x, y), line]}


def _bands(points: list[dict[str, Any]], policies: Sequence[Policy], x: Spec, y: Spec) -> list[Spec]:
    # A layer each, in a plain colour: a shared scale would fade the legend as the bands are.
    return [
        {
            "data": {"values": [one for one in points if one["policy"] == WORDS[policy] and one["lower"] is not None]},
            "mark": {"type": "area", "opacity": 0.08, "color": _COLOURS[policy]},
            "encoding": {"x": x, "y": {"field": "lower", **y}, "y2": {"field": "upper"}},
        }
        for policy in policies
    ]


def _points(walk: Walk, policy: Policy, metric: str) -> list[dict[str, Any]]:
    found = []
    for step in walk.steps:
        score = walk.score(step, policy, metric)
        if score is not None:
            place = {"policy": WORDS[policy], "time": _middle(step)}
            found.append(place | {"value": score.value, "lower": score.lower, "upper": score.upper})
    return found


def _so_far(walk: Walk, policy: Policy, metric: str) -> list[dict[str, Any]]:
    found = []
    for number, step in enumerate(walk.steps, start=1):
        gain = walk.contrast(policy, "never", metric, until=number)
        if gain.intervals and walk.score(step, policy, metric) is not None:
            lower, upper = gain.bound("days", CONFIDENCE) or (None, None)
            place = {"policy": WORDS[policy], "time": _time(step.until)}
            found.append(place | {"value": gain.mean, "lower": lower, "upper": upper})
    return found


def _strip(walk: Walk) -> Spec:
    outcomes = [one for one in _VERDICTS if any(step.outcome == one for step in walk.steps)]
    rows = [{"time": _time(step.as_of), "says": step.outcome, "colour": _VERDICTS[step.outcome]} for step in walk.steps]
    return {
        "width": WIDTH,
        "height": {"step": 18},
        "data": {"values": rows},
        "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
        "encoding": {
            "x": {"field": "time", "type": "temporal", "title": None, "axis": _AXIS, "scale": _domain(walk)},
            "y": {"field": "says", "type": "nominal", "title": None, "sort": outcomes, "axis": {"grid": True}},
            "color": {"field": "colour", "type": "nominal", "scale": None},
        },
    }


def _changes(walk: Walk) -> Spec:
    return {
        "data": {"values": [{"time": _time(step.as_of)} for step in walk.changes]},
        "mark": {"type": "rule", "color": LINE, "strokeWidth": 2},
        "encoding": {"x": {"field": "time", "type": "temporal"}},
    }


def _told_apart(policies: Sequence[Policy]) -> tuple[Spec, Spec]:
    dashes: dict[Policy, list[int]] = {"gates": [1, 0], "never": [1, 0], "always": [4, 4]}
    names = [WORDS[policy] for policy in policies]
    # The same in both, so that they share one legend; the dots of the strip must not become its symbols.
    field = {"field": "policy", "type": "nominal", "legend": {"symbolType": "stroke", "title": None}}
    return (
        {**field, "scale": {"domain": names, "range": [_COLOURS[policy] for policy in policies]}},
        {**field, "scale": {"domain": names, "range": [dashes[policy] for policy in policies]}},
    )


def _domain(walk: Walk) -> Spec:
    return {"domain": [_time(walk.steps[0].as_of), _time(walk.steps[-1].until)], "type": "utc"}


def _middle(step: Step) -> float:
    return _time(step.as_of + (step.until - step.as_of) / 2)


def _time(instant: datetime) -> float:
    """Return milliseconds since 1970, which Vega takes as a time."""
    return instant.timestamp() * 1000
