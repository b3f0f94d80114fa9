"""Charts of a judgement: Vega-Lite specs from plain lists."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from airloop.reports.drawing import BAD, CANDIDATE, CHAMPION, GOOD, INK, LINE, MUTED, Spec

Row = Mapping[str, Any]

_WIDTH = 400
_WHO: Spec = {
    "field": "model",
    "type": "nominal",
    "scale": {"domain": ["candidate", "champion"], "range": [CANDIDATE, CHAMPION]},
}


def curve(points: Sequence[Row], x: str, y: str, *, diagonal: bool, two: bool) -> Spec:
    """Return lines ``y`` over ``x``, both 0 to 1, one for each ``model`` of the points."""
    share: Spec = {"type": "quantitative", "scale": {"domain": [0, 1]}, "axis": {"format": "%", "tickCount": 5}}
    line = {
        "data": {"values": list(points)},
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": {"field": "x", "title": x, **share},
            "y": {"field": "y", "title": y, **share},
            "order": {"field": "n"},
            "color": _WHO if two else {"value": CANDIDATE},
        },
    }
    return {"width": _WIDTH, "height": 260, "layer": [*([_diagonal(share)] if diagonal else []), line]}


def calibration(bins: Sequence[Row], counts: Sequence[Row], *, two: bool) -> Spec:
    """Return observed over promised shares, and below it how many rows got which promise."""
    most = max((max(row["promised"], row["observed"]) for row in bins), default=1.0)
    share = {
        "type": "quantitative",
        "scale": {"domain": [0, min(1, math.ceil(10 * most) / 10)], "clamp": True},
        "axis": {"format": "%", "tickCount": 5},
    }
    encoding = {
        "x": {"field": "promised", "title": None, **share},
        "y": {"field": "observed", "title": "happened", **share},
        "color": _WHO if two else {"value": CANDIDATE},
    }
    line = {"type": "line", "strokeWidth": 2, "point": {"size": 36, "filled": True}}
    above = {
        "width": _WIDTH,
        "height": 190,
        "layer": [_diagonal(share), {"data": {"values": list(bins)}, "mark": line, "encoding": encoding}],
    }
    below = {
        **histogram(counts, "promised by the candidate", share),
        "height": 46,
        "mark": {"type": "bar", "color": MUTED, "opacity": 0.6},
    }
    return {"vconcat": [above, below], "spacing": 8}


def gains(rows: Sequence[Row]) -> Spec:
    """Return one line a metric: the gain with its interval, each on a scale of its own; right of 0 is better."""
    tick: Spec = {"field": "gain", "type": "quantitative", "title": None, "axis": {"tickCount": 4, "format": "~g"}}
    layers: list[Spec] = [
        {"mark": {"type": "rule", "color": MUTED}, "encoding": {"x": {"datum": 0}}},
        {
            "mark": {"type": "rule", "strokeWidth": 3},
            "encoding": {
                "x": {"field": "lower", "type": "quantitative"},
                "x2": {"field": "upper"},
                "color": _verdict(),
            },
        },
        {"mark": {"type": "point", "filled": True, "size": 70}, "encoding": {"x": tick, "color": _verdict()}},
    ]
    return {
        "data": {"values": list(rows)},
        "facet": {"row": {"field": "metric", "sort": None, "header": {"labelAngle": 0, "labelAlign": "left"}}},
        "spec": {"width": _WIDTH - 60, "height": 24, "layer": layers},
        "resolve": {"scale": {"x": "independent"}},
        "spacing": 6,
    }


def slices(rows: Sequence[Row], metric: str, threshold: float | None) -> Spec:
    """Return one line a group: its metric with the interval over rows; the rule is what the gate asks for."""
    y = {"field": "name", "type": "nominal", "sort": None, "title": None}
    x = {"type": "quantitative", "title": metric, "scale": {"zero": False}}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 3},
            "encoding": {"y": y, "x": {"field": "lower", **x}, "x2": {"field": "upper"}, "color": _verdict()},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70},
            "encoding": {"y": y, "x": {"field": "value", **x}, "color": _verdict()},
        },
    ]
    if threshold is not None:
        rule = {"mark": {"type": "rule", "color": BAD, "strokeDash": [4, 3]}, "encoding": {"x": {"datum": threshold}}}
        layers.append(rule)
    return {"width": _WIDTH, "height": {"step": 22}, "data": {"values": list(rows)}, "layer": layers}


def bars(rows: Sequence[Row]) -> Spec:
    """Return horizontal bars of ``share`` by ``name``, in the order given."""
    return {
        "width": _WIDTH - 90,
        "height": {"step": 18},
        "data": {"values": list(rows)},
        "mark": {"type": "bar", "color": CANDIDATE, "cornerRadiusEnd": 2},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 160}},
            "x": {"field": "share", "type": "quantitative", "title": "share of the gain", "axis": {"format": "%"}},
        },
    }


def confusion(cells: Sequence[Row], classes: Sequence[str]) -> Spec:
    """Return a matrix: of each true class (rows), which share was given to which class (columns)."""
    size = max(18, min(64, 360 // max(1, len(classes))))
    y = {"field": "truth", "type": "nominal", "sort": list(classes), "title": "true"}
    x = {"field": "given", "type": "nominal", "sort": list(classes), "title": "predicted", "axis": {"labelAngle": 0}}
    opacity = {"field": "share", "type": "quantitative", "legend": None, "scale": {"domain": [0, 1], "range": [0, 0.6]}}
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "color": CANDIDATE, "stroke": LINE},
            "encoding": {"x": x, "y": y, "fillOpacity": opacity},
        }
    ]
    if len(classes) <= 12:
        text = {"field": "rows", "type": "quantitative"}
        layers.append(
            {"mark": {"type": "text", "fontSize": 10, "color": INK}, "encoding": {"x": x, "y": y, "text": text}}
        )
    return {"width": {"step": size}, "height": {"step": size}, "data": {"values": list(cells)}, "layer": layers}


def residuals(points: Sequence[Row], unit: str) -> Spec:
    """Return the error of up to a few thousand rows over their prediction."""
    number = {"type": "quantitative", "scale": {"zero": False}}
    return {
        "width": _WIDTH,
        "height": 260,
        "layer": [
            {
                "data": {"values": list(points)},
                "mark": {"type": "circle", "color": CANDIDATE, "size": 10, "opacity": 0.35},
                "encoding": {
                    "x": {"field": "predicted", "title": f"predicted {unit}", **number},
                    "y": {"field": "error", "title": "predicted minus true", **number},
                },
            },
            {"data": {"values": [{}]}, "mark": {"type": "rule", "color": INK}, "encoding": {"y": {"datum": 0}}},
        ],
    }


def histogram(counts: Sequence[Row], title: str, scale: Spec | None = None) -> Spec:
    """Return bars of ``rows`` between ``from`` and ``to``."""
    x = {"field": "from", "title": title, "bin": {"binned": True}, **(scale or {"scale": {"zero": False}})}
    y = {"field": "rows", "type": "quantitative", "title": "rows", "axis": {"tickCount": 3, "grid": False}}
    return {
        "width": _WIDTH,
        "height": 260,
        "data": {"values": list(counts)},
        "mark": {"type": "bar", "color": CANDIDATE},
        "encoding": {"x": x, "x2": {"field": "to"}, "y": y},
    }


def _verdict() -> Spec:
    domain = ["good", "bad", "open"]
    return {"field": "says", "type": "nominal", "legend": None, "scale": {"domain": domain, "range": [GOOD, BAD, INK]}}


def _diagonal(share: Spec) -> Spec:
    end = share["scale"]["domain"][1]
    return {
        "data": {"values": [{"a": 0, "b": 0}, {"a": end, "b": end}]},
        "mark": {"type": "line", "color": MUTED, "strokeDash": [3, 3], "strokeWidth": 1},
        "encoding": {"x": {"field": "a", **share}, "y": {"field": "b", **share}},
    }
