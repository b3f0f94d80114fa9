"""Real models on small data: deliveries of two weeks that are late or not, and candidates broken in known ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from airloop import bundle, data, spec
from airloop.data.snapshot import Snapshot
from airloop.gates import Verdict
from airloop.gates.case import Case
from airloop.gates.champion import open_live
from airloop.gates.holdout import check_slices
from airloop.gates.judge import weigh
from airloop.gates.report import read_training
from airloop.training.fitting import fit
from airloop.training.identity import model_digest
from airloop.validation import Validation
from airloop.workspace import Workspace

START = datetime(2024, 3, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=14)
ROWS_A_DAY = 200
UNCHECKED = Validation(expectations=0, partitions={})

PIPELINE: dict[str, Any] = {
    "name": "deliveries",
    "data": {
        "source": {"path": "{folder}/{date}.parquet"},
        "event_time": "sent_at",
        "label": {"column": "late"},
        "train_window": "8d",
        "holdout_window": "6d",
        "private": ["customer"],
    },
    "model": {
        "task": "binary",
        "params": {"max_depth": 3, "learning_rate": 0.3, "subsample": 0.8, "colsample_bytree": 0.8},
        "rounds": 15,
        "early_stopping": 0,
        "threads": 1,
    },
    "gates": [{"metric": "roc_auc", "min": 0.7}],
}

Change = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def a_day(day: int) -> pd.DataFrame:
    """Return a day's deliveries; distance and load make them late, depots differ in how much."""
    rng = np.random.default_rng(day)
    depot = rng.choice(["A", "B", "C"], ROWS_A_DAY, p=[0.5, 0.4, 0.1])
    distance, load = rng.uniform(0, 100, ROWS_A_DAY), rng.uniform(0, 1, ROWS_A_DAY)
    chance = 1 / (1 + np.exp(-(distance - 60) / 15 - 3 * (load - 0.5)))
    seconds = np.sort(rng.integers(0, 86_400, ROWS_A_DAY))
    return pd.DataFrame(
        {
            "sent_at": START + pd.to_timedelta(day * 86_400 + seconds, unit="s"),
            "depot": depot,
            "customer": [f"c{number}" for number in rng.integers(0, 9, ROWS_A_DAY)],
            "distance_km": distance,
            "load": load,
            "late": rng.random(ROWS_A_DAY) < chance,
        }
    )


@dataclass(frozen=True)
class Made:
    """A trained model, and what it was trained from."""

    digest: str
    snapshot_digest: str
    snapshot: Snapshot
    pipeline: spec.Pipeline


@dataclass(frozen=True)
class Bench:
    """Trains, releases and judges for real in one workspace."""

    workspace: Workspace
    kept: dict[Any, Any] = field(default_factory=dict)
    """What was trained and packed already, in all tests."""

    def pipeline(self, name: str = "plain", **sections: Any) -> spec.Pipeline:
        """Return the pipeline with some sections changed: a dict is merged, all else replaces."""
        content = {
            key: {**value, **sections.get(key, {})} if isinstance(value, dict) else sections.get(key, value)
            for key, value in PIPELINE.items()
        }
        files = "*" if content["data"].get("partition") == "none" else "{date}"
        content["data"]["source"] = {"path": f"{self.workspace.home}/{name}/{files}.parquet"}
        folder = self.workspace.pipelines / f"{name}-{abs(hash(str(content)))}" / "deliveries"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return spec.load(folder)

    def land(self, name: str, change: Change | None = None, days: int = 14) -> None:
        """Write the data called ``name``, changed by ``change``."""
        folder = self.workspace.home / name
        if folder.exists():
            return
        folder.mkdir()
        for day in range(days):
            frame = a_day(day)
            frame = change(frame, np.random.default_rng(1000 + day)) if change else frame
            frame.to_parquet(folder / f"{START + timedelta(days=day):%Y-%m-%d}.parquet")

    def train(self, pipeline: spec.Pipeline, as_of: datetime = AS_OF) -> Made:
        """Return the model of this pipeline's data, fitted once."""
        key = (pipeline.folder, as_of)
        if key not in self.kept:
            self.kept[key] = self._fit(pipeline, as_of)
        return self.kept[key]

    def _fit(self, pipeline: spec.Pipeline, as_of: datetime) -> Made:
        name, snapshot = data.take(self.workspace, pipeline, as_of)
        model = model_digest(pipeline, name, "")
        if not self.workspace.store.has("models", model):
            fit(
                self.workspace,
                pipeline,
                model,
                snapshot_digest=name,
                snapshot=snapshot,
                validation_digest="",
                validation=UNCHECKED,
            )
        return Made(model, name, snapshot, pipeline)

    def release(self, made: Made, version: str = "1") -> str:
        """Make a model the champion; return its bundle's digest."""
        if (made.digest, version) not in self.kept:
            self.kept[made.digest, version] = bundle.package(
                self.workspace,
                made.pipeline,
                snapshot_digest=made.snapshot_digest,
                model_digest=made.digest,
                version=version,
                verdict_digest="",
            )
        packed = self.kept[made.digest, version]
        live = self.workspace.ledger.live("deliveries", "local")
        self.workspace.ledger.promote(
            "deliveries",
            "local",
            bundle=packed.digest,
            version=version,
            data_cut_off=packed.data_cut_off,
            expected_generation=live.generation if live else 0,
            run_id=f"run-{version}",
            reasons=["test"],
        )
        return packed.digest

    def judge(self, made: Made, *gates: dict[str, Any], on: Made | None = None, version: str = "2") -> Verdict:
        """Return the verdict on a model; ``on`` gives the snapshot to judge it on, where it is another than its own."""
        rows = on or made
        pipeline = self.pipeline(
            rows.pipeline.spec.data.source.path.split("/")[-2],
            data=rows.pipeline.spec.data.model_dump(mode="json", exclude={"source"}),
            model=made.pipeline.spec.model.model_dump(mode="json"),
            gates=list(gates),
        )
        # What ``judge`` does, without drawing a report: tests of the report and of ``judge`` itself are elsewhere.
        check_slices(pipeline, rows.snapshot)
        champion = open_live(self.workspace, pipeline)
        case = Case(
            self.workspace, pipeline, rows.snapshot_digest, rows.snapshot, UNCHECKED, made.digest, version, champion
        )
        return weigh(case, case.gather(), read_training(case.folder), "")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose store all tests share: the same inputs give the same models."""
    home = tmp_path_factory.mktemp("gates")
    (home / "pipelines").mkdir()
    return Workspace(home, str(home / "store"), f"sqlite:///{home}/ledger.db", "", "", home / "pipelines")


@pytest.fixture(scope="session")
def landed(shared: Workspace) -> Bench:
    """The plain data."""
    bench = Bench(shared)
    bench.land("plain")
    return bench


@pytest.fixture
def bench(landed: Bench, tmp_path: Path) -> Bench:
    """A bench with a ledger of its own: no champion yet."""
    return replace(landed, workspace=replace(landed.workspace, ledger_url=f"sqlite:///{tmp_path}/ledger.db"))


@pytest.fixture
def plain(bench: Bench) -> Made:
    """An honest candidate."""
    return bench.train(bench.pipeline())
