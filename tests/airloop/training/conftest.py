"""A world with two small pipelines: trips by day, and patients without time."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airloop import data
from airloop.spec import Pipeline, Spec
from airloop.training.fitting import fit
from airloop.training.identity import model_digest
from airloop.validation import Validation
from airloop.workspace import Workspace

START = datetime(2013, 1, 1, tzinfo=UTC)
ROWS_A_DAY = 60

CODE = """
import numpy as np
import pandas as pd

def build(trips):
    hour = trips["when"].dt.hour
    return pd.DataFrame({"hour": hour, "carrier": trips["carrier"], "wind": trips["wind"]}, index=trips.index)

def arrays(trips):
    hour = trips["when"].astype("datetime64[h]").astype(np.int64) % 24
    return {"hour": hour, "carrier": trips["carrier"], "wind": trips["wind"]}
"""

TRIPS: dict[str, Any] = {
    "name": "trips",
    "data": {
        "source": {"path": "data/trips/date={date}/*.parquet"},
        "event_time": "when",
        "label": {"column": "late", "known_at": "landed_at"},
        "train_window": "10d",
        "holdout_window": "2d",
    },
    "features": {
        "build": "features.py:build",
        "arrays": "features.py:arrays",
        "inputs": ["when", "carrier", "wind"],
    },
    "model": {
        "task": "binary",
        "params": {"max_depth": 3, "subsample": 0.8},
        "rounds": 30,
        "early_stopping": 5,
        "checkpoint_every": 7,
        "replicates": 2,
    },
}

PATIENTS: dict[str, Any] = {
    "name": "patients",
    "data": {"source": {"path": "data/patients.csv"}, "partition": "none", "key": ["id"], "label": {"column": "grade"}},
    "model": {"task": "multiclass", "rounds": 10, "early_stopping": 3, "replicates": 1},
}


SPECS = {"trips": TRIPS, "patients": PATIENTS}


def trips_of(day: datetime, rows: int = ROWS_A_DAY) -> pd.DataFrame:
    """Return one day's trips: late when the wind blows, more so at one carrier."""
    random = np.random.default_rng(day.toordinal())
    when = pd.Series(pd.to_datetime([day + timedelta(minutes=20 * i) for i in range(rows)], utc=True))
    carrier = random.choice(["AA", "B6", "UA"], rows)
    wind = random.normal(10, 5, rows)
    late = wind + 4 * (carrier == "B6") + random.normal(0, 3, rows) > 12
    wind[::17] = np.nan
    landed = when + pd.Timedelta("3h")
    return pd.DataFrame({"when": when, "carrier": carrier, "wind": wind, "late": late, "landed_at": landed})


@dataclass(frozen=True)
class World:
    """Where tests land data and train."""

    workspace: Workspace
    folder: Path

    code = CODE

    def land(self, rows: int = ROWS_A_DAY, **changes: Any) -> None:
        """Write 20 daily files; ``changes`` replace columns."""
        for day in (START + timedelta(days=number) for number in range(20)):
            folder = self.workspace.home / "data" / "trips" / f"date={day:%Y-%m-%d}"
            folder.mkdir(parents=True, exist_ok=True)
            trips_of(day, rows).assign(**changes).to_parquet(folder / "trips.parquet")

    def pipeline(self, name: str = "trips", code: str = CODE, **changes: Any) -> Pipeline:
        """Return a pipeline; ``changes`` replace keys of the spec, and keys within its sections."""
        spec = SPECS[name]
        changed = {key: spec[key] | value if key in spec else value for key, value in changes.items()}
        self.folder.mkdir(exist_ok=True)
        (self.folder / "features.py").write_text(code)
        return Pipeline(Spec.model_validate(spec | changed), self.folder)

    def at(
        self, pipeline: Pipeline, day: int = 15, excluded: dict[str, tuple[int, ...]] | None = None
    ) -> dict[str, Any]:
        """Return what ``train`` takes beside workspace and pipeline, at ``day`` days after the start."""
        digest, snapshot = data.take(self.workspace, pipeline, START + timedelta(days=day))
        validation = Validation(expectations=0, partitions={}, excluded=excluded or {})
        given = {"snapshot_digest": digest, "snapshot": snapshot, "validation_digest": f"{excluded}"}
        return given | {"validation": validation}

    def fit(self, pipeline: Pipeline, day: int = 15, excluded: dict[str, tuple[int, ...]] | None = None) -> Path:
        """Train without MLflow and return the model's folder."""
        given = self.at(pipeline, day, excluded)
        model = model_digest(pipeline, given["snapshot_digest"], given["validation_digest"])
        fit(self.workspace, pipeline, model, **given)
        return self.workspace.store.folder("models", model)

    def moved(self, home: Path) -> "World":
        """Return a second world with a home of its own and a copy of the data."""
        shutil.copytree(self.workspace.home / "data", home / "data")
        other = Workspace.from_environment({"AIRLOOP_HOME": str(home)})
        return replace(self, workspace=other, folder=home / "pipeline")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield World(Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path / "home")}), tmp_path / "pipeline")


@pytest.fixture
def landed(world: World) -> World:
    world.land()
    return world


@pytest.fixture
def patients(world: World) -> World:
    random = np.random.default_rng(0)
    size, shade = random.normal(size=240), random.choice(["dark", "light"], 240)
    grade = np.digitize(size + (shade == "dark"), [0, 1])
    folder = world.workspace.home / "data"
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"id": np.arange(240), "size": size, "shade": shade, "grade": grade})
    frame.to_csv(folder / "patients.csv", index=False)
    return world


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Pipeline, Path]:
    """A model of trips that are watched day by day, trained once: its world, pipeline and folder."""
    home = tmp_path_factory.mktemp("daily")
    world = World(Workspace.from_environment({"AIRLOOP_HOME": str(home / "home")}), home / "pipeline")
    world.land()
    pipeline = world.pipeline(monitor={"window": "1d"}, model={"replicates": 0})
    return world, pipeline, world.fit(pipeline)
