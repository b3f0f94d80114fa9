"""A small pipeline with a snapshot and a fitted model, from which bundles are packaged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

from airloop import data
from airloop.bundle import Bundle, package
from airloop.features.code import FeatureCode
from airloop.features.schema import Feature, Input, Schema
from airloop.scoring import SavedHooks, save_servable
from airloop.spec import Pipeline, load
from airloop.trainers.boosting import XGBoostModel
from airloop.workspace import Workspace

SPEC = """\
name: tickets
data:
  source: {path: "data/tickets.csv"}
  partition: none
  key: [ticket]
  label: {column: sold}
  private: [name, age, joined]
  columns: {ticket: text, name: text, city: text, price: number, age: integer, joined: time, sold: integer}
features: features.py:build
model: {task: binary}
serving: {max_rows: 77, log_predictions: false}
"""
FEATURES = "def build(frame):\n    return frame[['city', 'price', 'age']]\n"
CITIES = ("Bern", "Lyon", "Oslo", "Pisa")
MODEL = "a" * 64


@dataclass
class Made:
    """What ``package`` needs."""

    workspace: Workspace
    pipeline: Pipeline
    snapshot: str

    def package(self, version: str = "1", model: str = MODEL) -> Bundle:
        return package(
            self.workspace,
            self.pipeline,
            snapshot_digest=self.snapshot,
            model_digest=model,
            version=version,
            verdict_digest="b" * 64,
        )

    def write_model(self, model: str = MODEL, unknown: str = "missing") -> None:
        """Put a servable folder in the store."""
        random = np.random.default_rng(0)
        matrix = random.integers(0, 4, (200, 3)).astype(np.float32)
        fit = xgboost.QuantileDMatrix(
            matrix, random.integers(0, 2, 200), feature_types=["c", "q", "q"], enable_categorical=True, nthread=1
        )
        booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, fit, 5)
        inputs = (
            Input("name", "text", False),
            Input("city", "text", True),
            Input("price", "number", True),
            Input("age", "integer", True),
            Input("joined", "time", False),
        )
        # Oslo was never seen in training.
        features = (Feature("city", ("Bern", "Lyon", "Pisa")), Feature("price"), Feature("age"))
        schema = Schema(inputs, features, "binary", ("0", "1"), unknown)
        hooks = SavedHooks("features.py:build")
        code = FeatureCode.load(self.pipeline.folder, hooks, tuple(column.name for column in inputs))
        with self.workspace.store.writing("models", model) as folder:
            save_servable(folder, schema, code, hooks, XGBoostModel(booster), "xgboost")
            (folder / "training.json").write_text('{"lineage": {"validation": "cccc"}}')
            (folder / "replicates").mkdir()
            (folder / "replicates" / "0").write_text("not for serving")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A pipeline whose rows are in the store."""
    home = tmp_path_factory.mktemp("home")
    folder = home / "pipelines" / "tickets"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC)
    (folder / "features.py").write_text(FEATURES)
    (folder / "land.py").write_text("raise RuntimeError('not for serving')\n")
    random = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "ticket": [f"t{number:03}" for number in range(300)],
            "name": [f"private person {number}" for number in range(300)],
            "city": random.choice([*CITIES, None], 300),
            "price": np.where(random.random(300) < 0.1, np.nan, random.normal(size=300).round(3)),
            "age": random.integers(18, 99, 300),
            "joined": "2001-02-03T04:05:06Z",
            "sold": random.integers(0, 2, 300),
        }
    )
    (home / "data").mkdir()
    rows.to_csv(home / "data" / "tickets.csv", index=False)
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(home), "AIRLOOP_PIPELINES": str(folder.parent)})
    pipeline = load(Path(folder))
    snapshot, _ = data.take(workspace, pipeline, datetime(2024, 1, 2, tzinfo=UTC))
    found = Made(workspace, pipeline, snapshot)
    found.write_model()
    return found
