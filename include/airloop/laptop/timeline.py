"""What the demo's weeks brought, in lines that are as readable in a log as at a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from airloop.refs import Action, Level

if TYPE_CHECKING:
    from airloop.laptop.weeks import Week

STYLES = {
    Level.OK: "green", Level.WARN: "yellow", Level.ACT: "bold red", Level.INCONCLUSIVE: "dim",
    Action.WAIT: "dim", Action.RETRAIN: "bold cyan",
}  # fmt: skip
GOOD = frozenset({"RELEASED", "PROMOTE"})
BARS = " ▁▂▃▄▅▆▇█"

Baselines = Mapping[str, float]
"""Bundle → the metric on the rows that its model was judged on."""


def line(week: Week, metric: str, baselines: Baselines) -> Text:
    """Return a week: rows, who answered, how far it moved, how good it was, and what was decided."""
    window, drift, performance = week.window, week.drift, week.performance
    value, baseline = performance["metrics"].get(metric), baselines.get(window["bundle"])
    return Text.assemble(
        f"  {week.start:%Y-%m-%d}  {window['rows']:>6,} rows  v{window['version']:<3} drift ",
        _level(drift["level"], 5),
        f"  {metric} {_bar(value, baseline)} {_number(value)} of {_number(baseline)} ",
        _level(performance["level"], 12),
        " ",
        (week.decision["action"], STYLES[Action(week.decision["action"])]),
    )


def lines(weeks: Sequence[Week], metric: str, baselines: Baselines) -> list[Text]:
    """Return the whole time line, a line per week and one below it for what a retraining became."""
    told = []
    for week in weeks:
        told.append(line(week, metric, baselines))
        if week.retrained is not None:
            done = week.retrained
            style = "bold green" if done.outcome in GOOD else "bold yellow"
            told.append(Text.assemble("              └ ", (done.outcome, style), f"  version {done.version}"))
    return told


def _level(level: str, width: int) -> tuple[str, str]:
    return f"{level:<{width}}", STYLES[Level(level)]


def _number(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"


def _bar(value: float | None, baseline: float | None) -> str:
    """Return a bar that is full at the baseline and empty 0.1 below it."""
    if value is None or baseline is None:
        return BARS[0]
    height = 1 - (baseline - value) / 0.1
    return BARS[round(max(0.0, min(1.0, height)) * (len(BARS) - 1))]
