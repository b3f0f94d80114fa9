"""A small pipeline that was trained and bundled for real, and a prediction log written as the server's is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from airloop import bundle, data, spec
from airloop.bundle import Bundle
from airloop.monitoring import arrivals
from airloop.refs import LabelsArrived, PredictionsArrived
from airloop.scoring import Scorer
from airloop.serving.compact import _put, table_of
from airloop.serving.journal import Answered, Described
from airloop.training.fitting import fit
from airloop.training.identity import model_digest
from airloop.validation import Validation
from airloop.workspace import Workspace

START = datetime(2024, 3, 1, tzinfo=UTC)
TRAINED = START + timedelta(days=14)
"""``as_of`` of the training; data go on until day 28."""
DAYS = 28
ROWS_A_DAY = 120
FEATURES = """\
import pandas as pd

def build(parcels):
    return pd.DataFrame(
        {"depot": parcels["depot"], "distance_km": parcels["distance_km"], "hour": parcels["sent_at"].dt.hour},
        index=parcels.index,
    )
"""
SPEC: dict[str, Any] = {
    "name": "parcels",
    "data": {
        "source": {"path": "data/{date}.parquet"},
        "event_time": "sent_at",
        "key": ["sent_at", "parcel"],
        "label": {"column": "late", "known_at": "arrived_at"},
        "columns": {"parcel": "integer"},
        "train_window": "8d",
        "holdout_window": "6d",
    },
    "features": {
        "build": "features.py:build",
        "inputs": ["sent_at", "parcel", "depot", "distance_km", "weight_kg"],
    },
    "model": {
        "task": "binary",
        "params": {"max_depth": 3, "learning_rate": 0.3},
        "rounds": 12,
        "early_stopping": 0,
        "replicates": 0,
        "threads": 1,
    },
    "monitor": {
        "window": "7d",
        "predictions": {"min_rows": 50},
        "labels": {"min_rows": 50, "min_share": 0.8, "wait": "2d"},
        "performance": [{"metric": "roc_auc", "warn": 0.03, "act": 0.08}],
    },
}


def parcels_of(day: int) -> pd.DataFrame:
    """Return a day's parcels: far ones from depot B are late; it is known two to thirty hours after they were sent."""
    rng = np.random.default_rng(day)
    distance = rng.uniform(0, 100, ROWS_A_DAY)
    depot = rng.choice(["A", "B", "C"], ROWS_A_DAY, p=[0.5, 0.4, 0.1])
    seconds = np.sort(rng.choice(86_400, ROWS_A_DAY, replace=False))
    sent = pd.Series(START + pd.to_timedelta(day * 86_400 + seconds, unit="s")).dt.as_unit("us")
    weight = rng.gamma(2, 3, ROWS_A_DAY)
    weight[::10] = np.nan
    return pd.DataFrame(
        {
            "sent_at": sent,
            "parcel": np.arange(ROWS_A_DAY) + day * ROWS_A_DAY,
            "depot": depot,
            "distance_km": distance,
            "weight_kg": weight,
            "late": rng.random(ROWS_A_DAY) < 1 / (1 + np.exp(-(distance - 60) / 12 - (depot == "B"))),
            "arrived_at": (sent + pd.to_timedelta(2 * 3600 + 28 * 36 * distance, unit="s")).dt.as_unit("us"),
        }
    )


def instant(day: float) -> datetime:
    """Return the instant so many days after the start."""
    return START + timedelta(days=day)


@dataclass
class Desk:
    """The pipeline in a workspace of its own, and what its server would have logged."""

    workspace: Workspace
    pipeline: spec.Pipeline
    bundle: Bundle
    asked: int = 0
    scorers: dict[str, Scorer] = field(default_factory=dict)
    content = SPEC
    parcels = staticmethod(parcels_of)
    at = staticmethod(instant)

    def land(self, day: int, change: Callable[[pd.DataFrame], pd.DataFrame] | None = None) -> None:
        """Write a day's parcels, changed where that is wanted."""
        frame = parcels_of(day)
        folder = self.workspace.home / "data"
        folder.mkdir(exist_ok=True, parents=True)
        path = folder / f"{instant(day):%Y-%m-%d}.parquet"
        path.unlink(missing_ok=True)  # it may be shared with other tests
        (change(frame) if change else frame).to_parquet(path, index=False)

    def spec(self, **sections: Any) -> spec.Pipeline:
        """Return the pipeline with sections changed: a dict is merged into its section, all else replaces it."""
        changed = {
            key: SPEC.get(key, {}) | value if isinstance(value, dict) else value for key, value in sections.items()
        }
        return self.written(SPEC | changed)

    def written(self, content: dict[str, Any]) -> spec.Pipeline:
        """Return the pipeline with this content, in a folder of its own."""
        return write_spec(self.workspace.pipelines / "changed", content)

    def another_version(self, version: str = "2") -> Bundle:
        """Return the same model packaged under another version."""
        facts = self.bundle.facts
        return bundle.package(
            self.workspace,
            self.pipeline,
            snapshot_digest=facts.lineage["snapshot"],
            model_digest=facts.lineage["model"],
            version=version,
            verdict_digest="",
        )

    def ask(
        self,
        rows: pd.DataFrame,
        *,
        by: Bundle | None = None,
        answered_at: datetime | None = None,
        identity: str = "",
        file: str = "",
    ) -> Path:
        """Log a request for ``rows`` as the server would; return the file. Default answer: a second after the event."""
        by = by or self.bundle
        if by.digest not in self.scorers:
            self.scorers[by.digest] = Scorer.open(by.folder)
        inputs = [column.name for column in by.schema.inputs]
        answers = self.scorers[by.digest].predict(rows[inputs]).tolist()
        self.asked += 1
        when = [answered_at] * len(rows) if answered_at else [t + timedelta(seconds=1) for t in rows["sent_at"]]
        kept = [rows[name].tolist() for name in inputs if name not in by.facts.private]
        entries = [
            Answered(
                number=0,
                id=identity or f"request-{self.asked}-{number}",
                time_us=int(when[number].timestamp() * 1_000_000),
                columns=[[_plain(cells[number])] for cells in kept],
                answers=[answers[number]],
            )
            for number in range(len(rows))
        ]
        about = Described(0, by.pipeline, by.version, by.digest, by.schema, by.facts.private)
        return self.write(table_of(about, entries), day=min(when), file=file)

    def write(self, table: pa.Table, *, day: datetime, file: str = "") -> Path:
        """Put a table into the log, in the folder of ``day``."""
        self.asked += 1
        name = f"predictions/parcels/date={day:%Y-%m-%d}/{file or f'{self.asked:032}'}.parquet"
        _put(table, self.workspace.store_url, name)
        return Path(self.workspace.store_url) / name

    def ask_days(self, first: int, last: int, **given: Any) -> None:
        """Log requests for the parcels of the days ``first`` to ``last`` (included)."""
        for day in range(first, last + 1):
            self.ask(parcels_of(day), **given)

    def predictions(self, day: float = 21, pipeline: spec.Pipeline | None = None) -> PredictionsArrived:
        """Return what has arrived of the week before ``day``."""
        return arrivals.predictions(self.workspace, pipeline or self.pipeline, as_of=instant(day))

    def labels(
        self, predictions: PredictionsArrived, now: datetime | None = None, pipeline: spec.Pipeline | None = None
    ) -> tuple[LabelsArrived, bool]:
        """Return what is known of the labels at ``now``, by default long after."""
        return arrivals.labels(
            self.workspace, pipeline or self.pipeline, predictions=predictions, now=now or instant(365)
        )


def _plain(cell: Any) -> Any:
    if isinstance(cell, pd.Timestamp):
        return cell.to_pydatetime()
    return None if pd.isna(cell) else cell


def write_spec(folder: Path, content: dict[str, Any]) -> spec.Pipeline:
    """Write a pipeline's folder and load it."""
    folder = folder / str(content["name"])
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "features.py").write_text(FEATURES, encoding="utf-8")
    return spec.load(folder)


def workspace_at(home: Path) -> Workspace:
    """Return a workspace below ``home``."""
    return Workspace.from_environment({"AIRLOOP_HOME": str(home), "AIRLOOP_PIPELINES": str(home / "pipelines")})


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The pipeline after its training; tests take ``desk``, a copy."""
    home = tmp_path_factory.mktemp("trained")
    workspace = workspace_at(home)
    pipeline = write_spec(workspace.pipelines, SPEC)
    desk = Desk(workspace, pipeline, Bundle("", home))
    for day in range(DAYS):
        desk.land(day)
    snapshot_digest, snapshot = data.take(workspace, pipeline, TRAINED)
    model = model_digest(pipeline, snapshot_digest, "")
    given = {"snapshot_digest": snapshot_digest, "snapshot": snapshot, "validation_digest": ""}
    fit(workspace, pipeline, model, **given, validation=Validation(expectations=0, partitions={}))
    packed = bundle.package(
        workspace, pipeline, snapshot_digest=snapshot_digest, model_digest=model, version="1", verdict_digest=""
    )
    return replace(desk, bundle=packed)


@pytest.fixture
def desk(trained: Desk, tmp_path: Path) -> Desk:
    """The trained pipeline in a home of its own; nobody has asked it anything yet."""
    before, home = trained.workspace.home, tmp_path / "home"
    shutil.copytree(before / "data", home / "data", copy_function=os.link)
    shutil.copytree(before / "pipelines", home / "pipelines")
    (home / "store").mkdir()
    # What is named by its content may be shared.
    for kind in ("bundles", "features", "models", "partitions", "snapshots"):
        (home / "store" / kind).symlink_to(before / "store" / kind)
    return replace(trained, workspace=workspace_at(home), asked=0)
