"""A drift verdict in words: why it is what it is, and what would be needed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from airloop.monitoring import significance
from airloop.monitoring.drifting import ColumnDrift, Natural, Rules, WindowDrift
from airloop.refs import Level
from airloop.reports.wording import listed, number, percent

NAMES = {
    "psi": "PSI",
    "jensen_shannon": "Jensen-Shannon distance",
    "wasserstein": "Wasserstein distance",
    "kolmogorov_smirnov": "Kolmogorov-Smirnov distance",
}
_MOST = 3


def reasons(window: WindowDrift, rules: Rules, *, rows: int, natural: Natural, stretches: int) -> tuple[str, ...]:
    """Return the reasons of a verdict, the weightiest first."""
    told = [*_predictions(window, rules), *_columns(window, rules)]
    if window.level == Level.INCONCLUSIVE:
        told = [*_missing(window, rules, rows), *told]
    if not told:
        told = [f"nothing that the model uses has moved by a {NAMES[rules.method]} of {number(rules.warn)} for sure"]
    return (*told, *_within_nature(window, rules), *_caution(natural, stretches))


def _predictions(window: WindowDrift, rules: Rules) -> list[str]:
    found = window.of(Level.ACT, Level.WARN, predictions=True)
    if not found:
        return []
    who = "predictions" if len(window.of(*Level, predictions=True)) == 1 else _named(found, rules)
    one = max(found, key=lambda one: one.weighed.effect)
    return [f"{who} moved: {NAMES[rules.method]} {_size(one, rules)}"]


def _columns(window: WindowDrift, rules: Rules) -> list[str]:
    acting, warning = window.of(Level.ACT), window.of(Level.WARN)
    told = []
    if acting:
        share = math.fsum(one.column.importance for one in acting)
        needed = "" if share >= rules.share else f", less than the {percent(rules.share)} that count for retraining"
        told.append(f"columns with {percent(round(share, 3))} of the importance moved{needed}: {_named(acting, rules)}")
    if warning:
        told.append(f"moved a little, or less surely: {_named(warning, rules)}")
    return told


def _missing(window: WindowDrift, rules: Rules, rows: int) -> list[str]:
    if not rows:
        return [f"no predictions in this window; {rules.min_rows:,} are needed"]
    if window.missing_rows is None:
        return [f"the reference has too few rows to tell a {NAMES[rules.method]} of {number(rules.act)} from chance"]
    wanted = f"{window.missing_rows:,} more are needed"
    if rows < rules.min_rows:
        return [f"{rows:,} rows are fewer than `monitor.drift.min_rows`: {wanted}"]
    unsure = [one.column.name for one in window.columns if one.level == Level.INCONCLUSIVE]
    return [f"{rows:,} rows are too few to tell drift from chance in {listed(unsure, _MOST)}: {wanted}"]


def _within_nature(window: WindowDrift, rules: Rules) -> list[str]:
    """Name what a fixed threshold would have called drift."""
    large = [one for one in window.of(Level.OK) if one.weighed.effect >= rules.act]
    answers = [one for one in window.of(Level.OK, predictions=True) if one.weighed.effect >= rules.act]
    large += [one for one in answers if one.column.knows_nature]
    told = []
    if large:
        named = _named(sorted(large, key=lambda one: one.weighed.chance), rules)
        told.append(f"far, but not surely drift, for unchanged stretches of this length differ as well: {named}")
    if unsure := [one for one in answers if not one.column.knows_nature]:
        told.append(
            f"predictions are {NAMES[rules.method]} {number(unsure[0].weighed.distance, 2)} from those on the holdout, "
            "which does not count: how much they differ between unchanged windows is not known from so short a holdout"
        )
    return told


def _caution(natural: Natural, stretches: int) -> list[str]:
    if natural == "unknown":
        return [
            "how much unchanged windows of this length differ is not known to the released model, so drift warns and "
            "does not act: train and release again"
        ]
    if natural == "known" and stretches < significance.FEWEST_STRETCHES:
        return [f"how much unchanged windows differ is known from only {stretches}, so only extreme drift can act"]
    return []


def _named(columns: Sequence[ColumnDrift], rules: Rules) -> str:
    return listed([f"{one.column.name} {_size(one, rules)}" for one in columns], _MOST, "; ")


def _size(one: ColumnDrift, rules: Rules) -> str:
    weighed = one.weighed
    times = weighed.times_typical
    usual = f", {number(times, 2)} times the usual" if times is not None and times >= 1 else ""
    what = {"missing": "missing values ", "unseen": "values never seen "}.get(weighed.what, "")
    return f"{what}{number(weighed.distance, 2)}{usual} (chance {chance(weighed.chance)})"


def chance(value: float) -> str:
    """Return ``0.03``, ``1 in 5,000`` or ``below 1 in a million`` for a probability."""
    if value >= 0.01:
        return number(value, 2)
    return "below 1 in a million" if value < 1e-6 else f"1 in {int(float(f'{1 / value:.2g}')):,}"
