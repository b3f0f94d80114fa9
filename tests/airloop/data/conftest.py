from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from airloop import clock
from airloop.data import Snapshot, read_partition, take
from airloop.spec import Pipeline, load
from airloop.workspace import Workspace

DATA = {
    "source": {"path": "rows/{date}.parquet"},
    "event_time": "at",
    "label": {"column": "y", "known_at": "y_at"},
    "key": ["id"],
    "train_window": "3d",
    "holdout_window": "1d",
}
TIMELESS = {"source": {"path": "rows.parquet"}, "partition": "none", "label": {"column": "y"}}


@dataclass
class Room:
    """A pipeline over a source in a temporary folder."""

    folder: Path
    data: dict[str, Any] = field(default_factory=lambda: dict(DATA))
    spec: dict[str, Any] = field(default_factory=dict)

    @property
    def workspace(self) -> Workspace:
        return Workspace.from_environment({"AIRLOOP_HOME": str(self.folder)})

    @property
    def pipeline(self) -> Pipeline:
        folder = self.folder / "pipelines" / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        spec = {"name": "demo", "data": self.data, "model": {"task": "binary"}, **self.spec}
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(spec))
        return load(folder)

    def write(self, name: str, rows: Sequence[dict[str, Any]] | pd.DataFrame) -> Path:
        """Write rows as Parquet or CSV by ending; texts in time columns of Parquet become UTC times."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = pd.DataFrame(rows)
        if path.suffix == ".csv":
            frame.to_csv(path, index=False)
        else:
            for column in frame.columns.intersection(["at", "y_at", "seen_at"]):
                if frame[column].dtype in ("str", "object"):
                    frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
            frame.to_parquet(path, index=False)
        return path

    def days(self, first: int = 1, last: int = 4, per_day: int = 3) -> None:
        """Write days of January 2013, ``per_day`` rows each at 06:00, 07:00 …; labels are known half an hour later."""
        for day in range(first, last + 1):
            rows = [row(day * 100 + n, f"2013-01-{day:02}T{6 + n:02}:00Z", y=n % 2 == 0) for n in range(per_day)]
            self.write(f"rows/2013-01-{day:02}.parquet", rows)

    def take(self, as_of: str = "2013-01-05") -> tuple[str, Snapshot]:
        return take(self.workspace, self.pipeline, clock.parse(as_of))

    def rows(self, snapshot: Snapshot) -> pd.DataFrame:
        """Return all rows of a snapshot."""
        frames = [read_partition(self.workspace, each, snapshot.columns) for each in snapshot.partitions]
        return pd.concat(frames, ignore_index=True)


def row(number: int, at: str, **others: Any) -> dict[str, Any]:
    known = (pd.Timestamp(at) + pd.Timedelta(minutes=30)).isoformat()
    return {"id": number, "at": at, "x": float(number), "y": True, "y_at": known, **others}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """Four days of flights of fancy, 2013-01-01 to 2013-01-04."""
    return Room(tmp_path)


@pytest.fixture
def timeless(tmp_path: Path) -> Room:
    """A pipeline whose rows have no time."""
    return Room(tmp_path, dict(TIMELESS))


@pytest.fixture
def make_row():
    return row
