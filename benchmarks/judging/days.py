"""Flights by day, as profiles: any stretch of days is then a merge, and so is a model's reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from airloop.profiles import Profile, merge
from airloop.profiles.column import Kind
from airloop.profiles.reference import PREDICTION, Reference
from airloop.training.stretches import natural_distances

if TYPE_CHECKING:
    import xgboost as xgb

Array = np.ndarray[Any, Any]
HOLDOUT = 7
TRAINED = 59
"""Days before March that the model is trained on; days that are simulated come later."""
INPUTS = [
    "scheduled_departure", "carrier", "flight", "origin", "dest", "distance_mi", "scheduled_minutes", "temperature_f",
    "dew_point_f", "humidity_percent", "wind_direction_deg", "wind_speed_mph", "wind_gust_mph", "precipitation_in",
    "pressure_hpa", "visibility_mi", "plane_year", "plane_seats",
]  # fmt: skip


@dataclass(frozen=True)
class Window:
    """What a released model saw and answered in some days."""

    inputs: Profile
    answers: Profile


class Flights:
    """The features of all flights of 2013 by UTC day, and a model of the first two months that answers all of them."""

    def __init__(self) -> None:
        from pipelines.flight_delays import features, land

        rows = pd.concat([frame.to_pandas() for _, frame in land._by_day(land._flights())], ignore_index=True)
        self.features = features.build(rows[INPUTS])
        self.kinds: dict[str, Kind] = {
            name: "number" if pd.api.types.is_numeric_dtype(kind) else "category"
            for name, kind in self.features.dtypes.items()
        }
        self._codes = {
            name: sorted(self.features[name].unique()) for name, kind in self.kinds.items() if kind == "category"
        }
        self.late = rows["late"].astype("Float64").to_numpy(float, na_value=np.nan)
        self.times = rows["scheduled_departure"].dt.tz_localize(None).to_numpy("datetime64[us]")
        self.dates, starts = np.unique(self.times.astype("datetime64[D]"), return_index=True)
        self._bounds = [*starts.tolist(), len(rows)]
        self._model, self.importance = self.fit(range(TRAINED))

    def fit(self, days: Sequence[int]) -> tuple[xgb.Booster, dict[str, float]]:
        """Return a model of some days, and each column's share of the gain."""
        import xgboost as xgb

        places = self.places(days)
        places = places[~np.isnan(self.late[places])]
        data = xgb.DMatrix(self._matrix(self.features.take(places)), self.late[places])
        params = {"max_depth": 6, "eta": 0.1, "min_child_weight": 10, "subsample": 0.8, "colsample_bytree": 0.5}
        model = xgb.train({**params, "objective": "binary:logistic", "nthread": 2, "seed": 0}, data, 60)
        gains = model.get_score(importance_type="total_gain")
        total = sum(gains.values())
        return model, {name: gains.get(f"f{place}", 0.0) / total for place, name in enumerate(self.features)}

    def _matrix(self, frame: pd.DataFrame) -> Array:
        columns = [
            pd.Categorical(frame[name], categories=self._codes[name]).codes if name in self._codes else frame[name]
            for name in self.features
        ]
        return np.column_stack([np.asarray(column, np.float32) for column in columns])

    def places(self, days: Sequence[int]) -> Array:
        """Return where the rows of some days are, by the days' numbers from 0."""
        return np.concatenate([np.arange(self._bounds[day], self._bounds[day + 1]) for day in days])

    def rows(self, days: Sequence[int]) -> pd.DataFrame:
        """Return the features of some days."""
        return self.features.take(self.places(days))

    def answers(self, rows: pd.DataFrame, model: xgb.Booster | None = None) -> Array:
        """Return the probabilities that a model, by default the first one, gives."""
        import xgboost as xgb

        found: Array = (model or self._model).predict(xgb.DMatrix(self._matrix(rows))).astype(float)
        return found

    def look(self, rows: pd.DataFrame) -> Window:
        """Return what rows look like, and what the model answers."""
        answers = self.answers(rows)
        return Window(Profile.of(rows, self.kinds), Profile.of({PREDICTION: answers}, {PREDICTION: "number"}))

    @cached_property
    def days(self) -> list[Window]:
        """Every day of the year; to those before March the answers are the model's own memory."""
        return [self.look(self.rows([day])) for day in range(len(self.dates))]

    def together(self, days: Sequence[int]) -> Window:
        """Return some days as one window."""
        found = [self.days[day] for day in days]
        return Window(merge(one.inputs for one in found), merge(one.answers for one in found))

    def reference(self, days: Sequence[int], length: int) -> Reference:
        """Return the reference of these days, in this order, for windows of ``length`` days; the last 7 are held out.

        It is cut and compared as a training does it.
        """
        whole, held = self.together(days), self.together(days[-HOLDOUT:])
        stretches, rest = _cut(days, length)
        parts = [self.together(stretch).inputs for stretch in stretches]
        natural = natural_distances(parts, [self.together(rest).inputs] if rest else [])
        if HOLDOUT // length > 1:
            answers = natural_distances([self.together([day]).answers for day in days[-HOLDOUT:]], [])
            natural = {method: natural[method] | answers[method] for method in natural}
        return Reference(
            columns=whole.inputs,
            prediction=held.answers,
            kinds=self.kinds,
            importance=self.importance,
            window=timedelta(days=length),
            natural=natural,
            usual_rows=float(np.median([part.rows for part in parts])),
        )


def _cut(days: Sequence[int], length: int) -> tuple[list[Sequence[int]], Sequence[int]]:
    """Return stretches that end with the last day, and the days before them."""
    rest = len(days) % length
    return [days[start : start + length] for start in range(rest, len(days), length)], days[:rest]
