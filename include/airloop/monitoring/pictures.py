"""Charts of a window: Vega-Lite specs from plain lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airloop.reports.drawing import BAD, CANDIDATE, GOOD, INK, MUTED, OPEN, Spec

Row = Mapping[str, Any]

_WIDTH = 400
_LEVELS = ("OK", "WARN", "ACT", "INCONCLUSIVE")
_SHAPES = ("circle", "triangle-up", "diamond", "stroke")
_SAYS: Spec = {
    "field": "level",
    "type": "nominal",
    "legend": None,
    "scale": {"domain": list(_LEVELS), "range": [GOOD, OPEN, BAD, MUTED]},
}
_SHAPE: Spec = {
    "field": "level",
    "type": "nominal",
    "legend": None,
    "scale": {"domain": list(_LEVELS), "range": list(_SHAPES)},
}
_WHICH: Spec = {
    "field": "who",
    "type": "nominal",
    "scale": {"domain": ["reference", "window"], "range": [MUTED, CANDIDATE]},
}


def distances(points: Sequence[Row], stretches: Sequence[Row], title: str, warn: float, act: float) -> Spec:
    """Return one line a column: its ``distance`` in this window, before those of unchanged ``stretches``.

    Distances are on a root scale, so that those near 0 can be told apart. Rules stand at ``warn`` and ``act``.
    """
    names = [point["name"] for point in points]
    y = {"field": "name", "type": "nominal", "sort": names, "title": None, "axis": {"labelLimit": 160}}
    x = {
        "field": "distance",
        "type": "quantitative",
        "title": title,
        "scale": {"type": "sqrt"},
        "axis": {"tickCount": 5, "format": "~g"},
    }
    rules = [{"at": warn, "what": "warn"}, {"at": act, "what": "act"}]
    return {
        "width": _WIDTH - 90,
        "height": {"step": 22},
        "layer": [
            {
                "data": {"values": list(stretches)},
                "mark": {"type": "tick", "color": MUTED, "opacity": 0.7, "thickness": 2, "size": 12},
                "encoding": {"y": y, "x": x},
            },
            {
                "data": {"values": rules},
                "mark": {"type": "rule", "strokeDash": [4, 3]},
                "encoding": {
                    "x": {"field": "at", "type": "quantitative"},
                    "color": {
                        "field": "what",
                        "type": "nominal",
                        "legend": None,
                        "scale": {"domain": ["warn", "act"], "range": [OPEN, BAD]},
                    },
                },
            },
            {
                "data": {"values": list(points)},
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {"y": y, "x": x, "color": _SAYS, "shape": _SHAPE},
            },
        ],
        "resolve": {"scale": {"color": "independent"}},
    }


def distribution(rows: Sequence[Row], labels: Sequence[str]) -> Spec:
    """Return pairs of bars, one pair a bin: its ``share`` of the reference and of the window."""
    is_long = len(labels) > 4 or any(len(label) > 8 for label in labels)
    bin_axis: Spec = {"field": "bin", "type": "nominal", "sort": list(labels), "title": None}
    share = {
        "field": "share",
        "type": "quantitative",
        "title": "share of rows",
        "axis": {"format": "%", "tickCount": 4},
    }
    if is_long:
        where = {"y": {**bin_axis, "axis": {"labelLimit": 150}}, "yOffset": {"field": "who"}, "x": share}
        size: Spec = {"width": _WIDTH - 110, "height": {"step": 9}}
    else:
        where = {"x": {**bin_axis, "axis": {"labelAngle": 0}}, "xOffset": {"field": "who"}, "y": share}
        size = {"width": _WIDTH, "height": 180}
    return {
        **size,
        "data": {"values": list(rows)},
        "mark": {"type": "bar", "cornerRadiusEnd": 1},
        "encoding": {**where, "color": _WHICH},
    }


def time_line(moments: Sequence[Row]) -> Spec:
    """Return the ``level`` of the windows that ``end`` then (ISO 8601), one line for each ``what``."""
    return {
        "width": _WIDTH - 60,
        "height": {"step": 30},
        "data": {"values": list(moments)},
        "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
        "encoding": {
            "x": {
                "field": "end",
                "type": "temporal",
                "timeUnit": "utcyearmonthdatehoursminutes",
                "title": None,
                "axis": {"tickCount": 5, "format": "%-d %b", "grid": False},
                "scale": {"type": "utc", "padding": 14},
            },
            "y": {
                "field": "what",
                "type": "nominal",
                "sort": ["drift", "performance", "decision"],
                "title": None,
                "axis": {"grid": True},
            },
            "color": {**_SAYS, "scale": _with(_SAYS, ("RETRAIN", "WAIT"), (BAD, MUTED))},
            "shape": {**_SHAPE, "scale": _with(_SHAPE, ("RETRAIN", "WAIT"), ("diamond", "stroke"))},
        },
    }


def metric_line(points: Sequence[Row], metric: str, baseline: float | None) -> Spec:
    """Return a metric over the latest windows, with its bounds where known; the rule is what the holdout had."""
    x = {
        "field": "end",
        "type": "temporal",
        "timeUnit": "utcyearmonthdatehoursminutes",
        "title": None,
        "axis": {"tickCount": 5, "format": "%-d %b", "grid": False},
        "scale": {"type": "utc", "padding": 14},
    }
    y = {"type": "quantitative", "title": metric, "scale": {"zero": False}}
    colour = {
        "field": "kind",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": ["measured", "estimated"], "range": [CANDIDATE, MUTED]},
    }
    layers: list[Spec] = [
        {
            "mark": {"type": "line", "strokeWidth": 1.5},
            "encoding": {"x": x, "y": {"field": "value", **y}, "color": colour},
        },
        {
            "transform": [{"filter": "isValid(datum.lower)"}],
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": x, "y": {"field": "lower", **y}, "y2": {"field": "upper"}, "color": colour},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": {"x": x, "y": {"field": "value", **y}, "color": colour},
        },
    ]
    if baseline is not None:
        rule = {"mark": {"type": "rule", "color": INK, "strokeDash": [4, 3]}, "encoding": {"y": {"datum": baseline}}}
        layers.append(rule)
    return {"width": _WIDTH, "height": 200, "data": {"values": list(points)}, "layer": layers}


def intervals(rows: Sequence[Row], metric: str, baseline: float | None) -> Spec:
    """Return one line a group: its metric with the interval; the rule is what the holdout had."""
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 160}}
    x = {"type": "quantitative", "title": metric, "scale": {"zero": False}}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "color": CANDIDATE},
            "encoding": {"y": y, "x": {"field": "lower", **x}, "x2": {"field": "upper"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "color": CANDIDATE, "opacity": 1},
            "encoding": {"y": y, "x": {"field": "value", **x}},
        },
    ]
    if baseline is not None:
        rule = {"mark": {"type": "rule", "color": INK, "strokeDash": [4, 3]}, "encoding": {"x": {"datum": baseline}}}
        layers.append(rule)
    return {"width": _WIDTH - 60, "height": {"step": 22}, "data": {"values": list(rows)}, "layer": layers}


def _with(encoding: Spec, domain: tuple[str, ...], colours: tuple[str, ...]) -> Spec:
    scale = encoding["scale"]
    return {"domain": [*scale["domain"], *domain], "range": [*scale["range"], *colours]}
