"""Deciding on drift: a pure function from measured columns to a verdict on the window, with its reasons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from airloop.monitoring import significance
from airloop.monitoring.looks import looks_in_30_days
from airloop.monitoring.measured import VALUES, Measured, Weighed, weigh
from airloop.refs import Level

if TYPE_CHECKING:
    from airloop.profiles.distances import Method
    from airloop.spec.model import Monitor

Natural = Literal["known", "unknown", "none"]
"""Of natural variation: of windows of this length, if at all; ``none`` for rows without time, which are independent."""


@dataclass(frozen=True)
class Rules:
    """What the spec asks for, and the level of error that is left to one window."""

    method: Method
    warn: float
    act: float
    share: float
    min_rows: int
    level: float
    """Chance of a false alarm in one window: half is for predictions, where they may act, the rest for columns."""

    @classmethod
    def of(cls, monitor: Monitor) -> Rules:
        """Return the rules of a spec."""
        drift = monitor.drift
        level = significance.level_per_look(drift.false_alarms, looks_in_30_days(monitor))
        return cls(drift.method, drift.warn, drift.act, drift.share, drift.min_rows, level)


@dataclass(frozen=True)
class ColumnDrift:
    """The verdict on one column."""

    column: Measured
    weighed: Weighed
    level: Level
    needed_rows: float
    """Rows from which a drift of ``act`` is told from noise; inf: the reference is too small."""


@dataclass(frozen=True)
class WindowDrift:
    """The verdict on a window; columns are sorted by importance times effect, predictions first."""

    level: Level
    columns: tuple[ColumnDrift, ...]
    missing_rows: int | None
    """Rows that a decision still needs, 0 where it is made; None: the reference is too small for any number."""
    column_level: float = 0.0
    """The chance within which a column is taken to have moved, where others move with it."""

    def of(self, *levels: Level, predictions: bool = False) -> list[ColumnDrift]:
        """Return the features of these levels, or the predictions."""
        chosen = [one for one in self.columns if one.level in levels and one.column.is_prediction == predictions]
        return [one for one in chosen if predictions or one.column.importance > 0]


def decide(columns: Sequence[Measured], rules: Rules, *, rows: int, natural: Natural) -> WindowDrift:
    """Return the verdict.

    A column acts when its effect is ``rules.act`` at least, its chance is within the level of a column, and it is found
    among all columns (Benjamini-Hochberg) or acts together with others that hold ``rules.share`` of the importance. The
    window acts when predictions do, or columns holding that share. A lesser effect, or fewer columns, warn. A column
    whose natural variation is unknown warns where it would act; predictions of which alone it is unknown do not count.
    With ``natural`` "none" there is no such variation.
    """
    weighed = {column.name: weigh(column, rules.warn, rules.act) for column in columns}
    levels = _levels(columns, weighed, rules, natural)
    judged = [_judge(column, weighed[column.name], levels, rules) for column in columns]
    judged.sort(key=lambda one: (not one.column.is_prediction, -one.column.importance * one.weighed.effect))
    level, missing = _window_level(judged, rules, rows), _missing_rows(judged, rules, rows)
    return WindowDrift(level, tuple(judged), missing if level == Level.INCONCLUSIVE else 0, levels.of_column)


@dataclass(frozen=True)
class _Levels:
    of_prediction: float
    of_column: float
    acting: frozenset[str]
    found: frozenset[str]
    """Columns that moved for sure, however little."""
    known: frozenset[str]
    """Columns whose natural variation is known, or that have none."""


def _levels(columns: Sequence[Measured], weighed: dict[str, Weighed], rules: Rules, natural: Natural) -> _Levels:
    """Return who moved: the chances of all columns are looked at together."""
    predictions = [one for one in columns if one.is_prediction]
    others = [one for one in columns if not one.is_prediction]
    known = frozenset(one.name for one in columns if natural == "none" or one.knows_nature)
    # What cannot act needs no share of the error.
    half = rules.level / 2 if any(one.name in known for one in predictions) else rules.level
    of_prediction = rules.level / 2 / max(len(predictions), 1)
    of_column = significance.joint_level(half, rules.share, sum(one.importance > 0 for one in others))
    large = {name for name, one in weighed.items() if one.effect >= rules.act and name in known}
    counting = [one.name for one in predictions if one.name in known or natural == "unknown"]
    certain = {name for name in counting if weighed[name].chance <= of_prediction}
    found = significance.discoveries({one.name: weighed[one.name].chance for one in others}, half)
    strong = [one for one in others if one.name in large and weighed[one.name].chance <= of_column]
    together = _enough(math.fsum(one.importance for one in strong), rules)
    acting = frozenset(one.name for one in strong if together or one.name in found) | (certain & large)
    return _Levels(of_prediction, of_column, acting, found | certain | acting, known)


def _judge(column: Measured, weighed: Weighed, levels: _Levels, rules: Rules) -> ColumnDrift:
    own = levels.of_prediction if column.is_prediction else levels.of_column
    values = column.facets[VALUES]
    needed = significance.rows_needed(values.method, rules.act, values.degrees, own, column.reference_rows)
    if column.name in levels.acting:
        level = Level.ACT
    elif column.name in levels.found and weighed.effect >= (rules.warn if column.name in levels.known else rules.act):
        level = Level.WARN
    else:
        level = Level.INCONCLUSIVE if column.rows < needed else Level.OK
    return ColumnDrift(column, weighed, level, needed)


def _window_level(judged: Sequence[ColumnDrift], rules: Rules, rows: int) -> Level:
    acting = [one for one in judged if one.level == Level.ACT]
    together = math.fsum(one.column.importance for one in acting if not one.column.is_prediction)
    if rows < rules.min_rows:
        return Level.INCONCLUSIVE
    if any(one.column.is_prediction for one in acting) or _enough(together, rules):
        return Level.ACT
    if _unseen(judged, rules):
        return Level.INCONCLUSIVE
    counting = [one.level for one in judged if one.column.is_prediction or one.column.importance > 0]
    return Level.WARN if {Level.ACT, Level.WARN} & set(counting) else Level.OK


def _unseen(judged: Sequence[ColumnDrift], rules: Rules) -> list[ColumnDrift]:
    """Return those that could act unnoticed: predictions, and columns where they hold enough importance together."""
    unsure = [one for one in judged if one.level == Level.INCONCLUSIVE]
    columns = [one for one in unsure if not one.column.is_prediction]
    counts = _enough(math.fsum(one.column.importance for one in columns), rules)
    return [one for one in unsure if one.column.is_prediction] + (columns if counts else [])


def _missing_rows(judged: Sequence[ColumnDrift], rules: Rules, rows: int) -> int | None:
    """Return the rows that are missing until nothing could act unnoticed."""
    unseen, needed = _unseen(judged, rules), 0.0
    while unseen:
        # One after another, those that need least come into sight; the rest may be too light to matter.
        needed = min(one.needed_rows for one in unseen)
        if math.isinf(needed):
            return None
        unseen = _unseen([one for one in unseen if one.needed_rows > needed], rules)
    return max(math.ceil(needed), rules.min_rows) - rows


def _enough(importance: float, rules: Rules) -> bool:
    return importance > 0 and importance >= rules.share
