"""How often is a model retrained in a year, and what is that worth?

Flights of 2013 in weekly windows, from early March on. Each policy starts with the same champion; a retraining takes
the 60 days before the last week, as the example pipeline does, and is released. Ours is `monitoring.policy` with the
example's rules; the others retrain in the same hour that their threshold is crossed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from airloop import spec
from airloop.monitoring import policy
from airloop.monitoring.drift import compare
from airloop.monitoring.drifting import Rules
from airloop.monitoring.losses import weigh, worst
from airloop.monitoring.measuring import Labelled, measure
from airloop.monitoring.policy import Decided, Live, WindowFacts
from airloop.monitoring.window import Window as Stretch
from airloop.profiles import Profile
from airloop.profiles.reference import PREDICTION, Reference
from airloop.refs import Action
from airloop.workspace import Workspace
from judging.days import HOLDOUT, Flights, Window
from judging.drifting import naive

SEEN, WEEK = 67, 7
QUARTERS = ("March", "April to June", "July to September", "October to December")


@dataclass(frozen=True)
class Champion:
    """A model that knows what happened before ``as_of``, a day's number."""

    as_of: int
    model: object
    reference: Reference
    baseline: dict[str, tuple[float, float | None]]


@dataclass(frozen=True)
class Week:
    """A week with the champion that answered."""

    first: int
    champion: Champion
    window: Window
    labelled: Labelled


class Year:
    """The year's weeks and every champion that could be live in them, each made once."""

    def __init__(self) -> None:
        self.flights = Flights()
        self.monitor = spec.load(Workspace.from_environment().pipelines / "flight_delays").spec.monitor
        self.weeks = list(range(SEEN, len(self.flights.dates) - WEEK + 1, WEEK))
        self.champion, self.week = cache(self._champion), cache(self._week)

    def _labelled(self, days: range, model: object) -> Labelled:
        places = self.flights.places(days)
        places = places[~np.isnan(self.flights.late[places])]
        answers = self.flights.answers(self.flights.features.take(places), model)
        return Labelled(self.flights.late[places], answers, self.flights.times[places])

    def _champion(self, as_of: int) -> Champion:
        days = range(as_of - SEEN, as_of)
        model, importance = self.flights.fit(days[:-HOLDOUT])
        held = self._labelled(days[-HOLDOUT:], model)
        reference = replace(
            self.flights.reference(days, WEEK), prediction=_profile(held.predictions), importance=importance
        )
        measured = {rule.metric: measure(rule.metric, held) for rule in self.monitor.performance}
        baseline = {name: (one.value, one.standard_error) for name, one in measured.items() if one.value is not None}
        return Champion(as_of, model, reference, baseline)

    def _week(self, first: int, champion: int) -> Week:
        made, days = self.champion(champion), range(first, first + WEEK)
        answers = self.flights.answers(self.flights.rows(days), made.model)
        window = Window(self.flights.together(days).inputs, _profile(answers))
        return Week(first, made, window, self._labelled(days, made.model))

    def instant(self, day: int) -> datetime:
        """Return when a day begins."""
        return datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=day)


def _profile(answers: np.ndarray) -> Profile:
    return Profile.of({PREDICTION: answers}, {PREDICTION: "number"})


class Ours:
    """The policy of `monitoring.policy`, with its memory."""

    def __init__(self, year: Year) -> None:
        self._year, self._facts, self._decided = year, [], []

    def __call__(self, week: Week) -> bool:
        year, monitor, live = self._year, self._year.monitor, week.champion
        drift = compare(live.reference, week.window.inputs, week.window.answers, monitor.window, Rules.of(monitor))
        losses = [
            weigh(rule, measure(rule.metric, week.labelled), live.baseline.get(rule.metric))
            for rule in monitor.performance
        ]
        stretch = Stretch(year.instant(week.first), year.instant(week.first + WEEK))
        fact = WindowFacts(
            window=stretch,
            drift=drift.found.level,
            performance=worst([loss.level for loss in losses]),
            rows=week.window.inputs.rows,
            labelled=len(week.labelled),
            version=str(live.as_of),
        )
        self._facts.append(fact)
        decision = policy.decide(
            self._facts,
            retrain=monitor.retrain,
            as_of=stretch.end,
            live=Live(str(live.as_of), year.instant(live.as_of)),
            decided=self._decided,
        )
        self._decided.append(Decided(stretch, decision.action, stretch.end))
        return decision.action is Action.RETRAIN


def _worse(week: Week) -> bool:
    value, before = measure("roc_auc", week.labelled).value, week.champion.baseline["roc_auc"][0]
    return value is not None and value < before - 0.05


def _fixed(name: str) -> Callable[[Week], bool]:
    return lambda week: naive(week.champion.reference, week.window)[name]


def walk(year: Year, rule: Callable[[Week], bool]) -> tuple[list[int], list[Week]]:
    """Return the days at which a rule retrained, and the year's weeks with the champion of each."""
    retrained, seen, live = [], [], SEEN
    for first in year.weeks:
        week = year.week(first, live)
        seen.append(week)
        if rule(week):
            live = first + WEEK
            retrained.append(live)
    return retrained, seen


def run() -> None:
    """Print retrainings by quarter and the mean over weeks of two metrics."""
    started, year = time.perf_counter(), Year()
    rules: dict[str, Callable[[Week], bool]] = {
        "never": lambda week: False,
        "ours": Ours(year),
        "roc_auc 0.05 below its holdout": _worse,
        "PSI > 0.25 in any column": _fixed("PSI > 0.25 in any column"),
        "Evidently's defaults": _fixed("Evidently's defaults"),
        "every week": lambda week: True,
    }
    heads = [*QUARTERS, "in all", "roc_auc", "log_loss"]
    print(f"\nRetrainings in 2013, {len(year.weeks)} weekly windows; metrics are means over weeks")
    print(f"{'':32}" + "".join(f"{head:>{len(head) + 3}}" for head in heads))
    for name, rule in rules.items():
        retrained, weeks = walk(year, rule)
        months = [year.instant(day).month for day in retrained]
        cells = [f"{sum((month - 1) // 3 == quarter for month in months)}" for quarter in range(4)]
        cells.append(f"{len(retrained)}")
        for metric in ("roc_auc", "log_loss"):
            cells.append(f"{np.mean([measure(metric, week.labelled).value for week in weeks]):.4f}")
        print(f"{name:32}" + "".join(f"{cell:>{len(head) + 3}}" for cell, head in zip(cells, heads, strict=True)))
    print(f"\n{time.perf_counter() - started:.0f} s")
