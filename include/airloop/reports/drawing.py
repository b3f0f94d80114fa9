"""Vega-Lite charts drawn to SVG and PNG on this machine, in the colours of the page around them."""

from __future__ import annotations

import json
from typing import Any

Spec = dict[str, Any]
"""A Vega-Lite chart."""

# Colours that stand for the page's, which differ by day and by night; ``draw`` puts CSS variables in their place.
INK, MUTED, LINE = "#010a01", "#010a02", "#010a03"
CANDIDATE, CHAMPION, GOOD, BAD, OPEN = "#010a04", "#010a05", "#010a06", "#010a07", "#010a08"
_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    CANDIDATE: "candidate",
    CHAMPION: "champion",
    GOOD: "good",
    BAD: "bad",
    OPEN: "open",
}
_ON_PAPER = {
    INK: "#1d2126",
    MUTED: "#667079",
    LINE: "#e3e5e8",
    CANDIDATE: "#2563c9",
    CHAMPION: "#c2701c",
    GOOD: "#1a7f4b",
    BAD: "#c0332b",
    OPEN: "#8a6a00",
}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_CONFIG: Spec = {
    "background": "transparent",
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "gridColor": LINE,
        "domainColor": LINE,
        "tickColor": LINE,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
    "legend": {"labelColor": INK, "title": None, "orient": "top", "labelFontSize": 11, "symbolStrokeWidth": 3},
    "header": {"labelColor": INK, "labelFontSize": 12, "title": None},
}


def draw(spec: Spec, label: str, number: int) -> str:
    """Return ``spec`` as an SVG element for an HTML page; ``number`` keeps ids apart. Needs no network."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(json.dumps({"config": _CONFIG, **spec}), allowed_base_urls=[])
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    svg = svg.replace('id="', f'id="c{number}-').replace("url(#", f"url(#c{number}-")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def draw_png(spec: Spec) -> bytes:
    """Return ``spec`` as a PNG on white, for places that are no page, such as MLflow. Needs no network."""
    import vl_convert

    text = json.dumps({"config": {**_CONFIG, "background": "white"}, **spec})
    for colour, on_paper in _ON_PAPER.items():
        text = text.replace(colour, on_paper)
    return bytes(vl_convert.vegalite_to_png(text, scale=2, allowed_base_urls=[]))
