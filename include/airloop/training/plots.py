"""Plots of a training, as Vega-Lite and as SVG drawn without network or browser."""

from __future__ import annotations

from typing import Any

Chart = dict[str, Any]

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_MOST_BARS = 30


def charts(record: dict[str, Any]) -> dict[str, Chart]:
    """Return name → Vega-Lite chart for what ``training.json`` holds; no learning curve without early stopping."""
    found = {"importance": importance(record["importance"])}
    watched = record["watched"]
    if watched["values"]:
        found["learning_curve"] = learning_curve(watched["metric"], watched["values"], record["rounds"])
    return found


def learning_curve(metric: str, values: list[float], rounds_kept: int) -> Chart:
    """Return the watched metric after each round, with a rule where the kept model ends."""
    points = [{"round": number, "value": value} for number, value in enumerate(values, start=1)]
    x = {"field": "round", "type": "quantitative", "title": "boosting round"}
    y = {"field": "value", "type": "quantitative", "title": f"{metric} on later rows", "scale": {"zero": False}}
    return {
        "$schema": _SCHEMA,
        "title": f"Learning curve: {rounds_kept} of {len(values)} rounds kept",
        "width": 560,
        "height": 260,
        "layer": [
            {"data": {"values": points}, "mark": "line", "encoding": {"x": x, "y": y}},
            {
                "data": {"values": [{"round": rounds_kept}]},
                "mark": {"type": "rule", "strokeDash": [4, 4]},
                "encoding": {"x": x},
            },
        ],
    }


def importance(shares: dict[str, float]) -> Chart:
    """Return the features' shares of the gain, largest first, at most 30 of them."""
    largest = sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:_MOST_BARS]
    rest = len(shares) - len(largest)
    return {
        "$schema": _SCHEMA,
        "title": "Feature importance" + (f" (the {rest} smallest left out)" if rest else ""),
        "width": 480,
        "data": {"values": [{"feature": name, "share": share} for name, share in largest]},
        "mark": "bar",
        "encoding": {
            "x": {"field": "share", "type": "quantitative", "title": "share of the gain", "axis": {"format": "%"}},
            "y": {"field": "feature", "type": "nominal", "sort": None, "title": None},
        },
    }


def svg(chart: Chart) -> str:
    """Draw ``chart``."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(chart))
