"""Deliveries of 20 days whose causes change on the 6th: who never retrains is wrong from then on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from airloop import backtest
from airloop.backtest import Told, Walk
from airloop.spec import Pipeline, Spec
from airloop.workspace import Workspace

START = datetime(2024, 3, 1, tzinfo=UTC)
DAYS = 20
CHANGE = 5
SPEC: dict[str, Any] = {
    "name": "deliveries",
    "data": {
        "source": {"path": "data/{date}.parquet"},
        "event_time": "sent_at",
        "label": {"column": "late", "known_at": "arrived_at"},
        "train_window": "4d",
        "holdout_window": "2d",
    },
    "model": {
        "task": "binary",
        "params": {"max_depth": 2, "learning_rate": 0.3},
        "rounds": 10,
        "early_stopping": 0,
        "threads": 1,
        "replicates": 1,
    },
    "gates": [
        {"metric": "roc_auc", "min": 0.5, "min_rows": 50},
        {"metric": "log_loss", "versus": "champion", "margin": 0.05, "min_rows": 50},
    ],
    "monitor": {"labels": {"wait": "1d"}},
}


def day(number: int, hour: int = 0) -> datetime:
    """Return an instant on the day with this number, from 0."""
    return START + timedelta(days=number, hours=hour)


def deliveries(number: int, rows: int = 120) -> pd.DataFrame:
    """Return a day's rows; distance makes late before the change, load after it. The last arrive after 30 hours."""
    rng = np.random.default_rng(number)
    distance, load = rng.uniform(0, 1, rows), rng.uniform(0, 1, rows)
    cause = distance if number < CHANGE else load
    sent = day(number) + pd.to_timedelta(np.sort(rng.integers(0, 86_400, rows)), unit="s")
    hours = np.where(np.arange(rows) % 10 == 0, 30, 6)
    return pd.DataFrame(
        {
            "sent_at": sent,
            "distance": distance,
            "load": load,
            "late": rng.random(rows) < 1 / (1 + np.exp(-8 * (cause - 0.5))),
            "arrived_at": sent + pd.to_timedelta(hours, unit="h"),
        }
    )


@dataclass(frozen=True)
class World:
    """A home with data, and its pipeline."""

    workspace: Workspace
    pipeline: Pipeline

    def land(self) -> None:
        """Write one file a day."""
        (self.pipeline.folder / "pipeline.yaml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
        folder = self.workspace.home / "data"
        folder.mkdir(parents=True)
        for number in range(DAYS):
            deliveries(number).to_parquet(folder / f"{day(number):%Y-%m-%d}.parquet")

    def changed(self, **sections: Any) -> World:
        """Return the world with keys of the pipeline's sections changed."""
        content = {
            key: {**value, **sections.get(key, {})} if isinstance(value, dict) else sections.get(key, value)
            for key, value in SPEC.items()
        }
        return replace(self, pipeline=replace(self.pipeline, spec=Spec.model_validate(content)))

    def walk(self, start: datetime, end: datetime, days: int = 3, **more: Any) -> Walk:
        """Walk through ticks some days apart."""
        ticks = backtest.plan(self.workspace, self.pipeline, start, end, timedelta(days=days))
        return backtest.walk(self.workspace, self.pipeline, ticks, **more)


@dataclass(frozen=True)
class Walked:
    """A backtest that was made once for all tests, and what it told."""

    world: World
    walk: Walk
    told: list[Told]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The landed world that the tests of this room share: the same inputs give the same artifacts."""
    home: Path = tmp_path_factory.mktemp("backtest")
    world = World(Workspace.from_environment({"AIRLOOP_HOME": str(home)}), Pipeline(Spec.model_validate(SPEC), home))
    world.land()
    return world


@pytest.fixture(scope="session")
def walked(world: World) -> Walked:
    """The walk from the third day to the last: the first tick has no rows to train on."""
    told: list[Told] = []
    return Walked(world, world.walk(day(2), day(20), tell=told.append), told)
