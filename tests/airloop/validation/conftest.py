from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airloop import clock
from airloop.data import Snapshot, take
from airloop.spec import Pipeline, load
from airloop.workspace import Workspace

SPEC = """\
name: orders
data:
  source: {{path: "orders/{{date}}.parquet"}}
  partition: day
  event_time: at
  label: {{column: late}}
  private: [{private}]
  train_window: 3d
  holdout_window: 1d
  {expectations}
model: {{task: binary}}
"""
FIRST = pd.Timestamp("2024-05-01T12:00Z")
DAYS = 4


@dataclass
class Orders:
    """A pipeline with a few days of orders."""

    workspace: Workspace
    folder: Path

    @staticmethod
    def day(number: int, rows: int = 6, **columns: Any) -> pd.DataFrame:
        """Return a day's orders, all of which are as they should be; ``columns`` are put in their place."""
        start = FIRST + pd.Timedelta(days=number)
        frame = pd.DataFrame(
            {
                "at": start + pd.to_timedelta(range(rows), unit="min"),
                "id": [number * 1000 + row for row in range(rows)],
                "price": [10.0 + row for row in range(rows)],
                "country": (["DE", "FR", "PL"] * rows)[:rows],
                "email": [f"secret{number}{row}@example.org" for row in range(rows)],
                "late": [row % 2 == 0 for row in range(rows)],
            }
        )
        return frame.assign(**columns)

    def expects(self, text: str | None, private: str = "") -> Pipeline:
        """Write the pipeline with these expectations."""
        line = "" if text is None else "expectations: expectations.yaml"
        (self.folder / "pipeline.yaml").write_text(SPEC.format(private=private, expectations=line))
        if text is not None:
            (self.folder / "expectations.yaml").write_text(text)
        return load(self.folder)

    def lands(self, changed: dict[int, pd.DataFrame] | None = None) -> None:
        """Write one file per day, those in ``changed`` instead of good ones."""
        for number in range(DAYS):
            path = self.workspace.home / "orders" / f"{(FIRST + pd.Timedelta(days=number)).date()}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            (changed or {}).get(number, self.day(number)).to_parquet(path)

    def snapshot(self, pipeline: Pipeline, as_of: str = "2024-05-05") -> Snapshot:
        """Take a snapshot; by default of all four days."""
        return take(self.workspace, pipeline, clock.parse(as_of))[1]

    def kept(self) -> dict[str, int]:
        """Return every file of kind ``validations`` and when it was written, in nanoseconds."""
        root = Path(self.workspace.store_url) / "validations"
        return {str(path): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    home, pipelines = tmp_path / "home", tmp_path / "pipelines"
    (pipelines / "orders").mkdir(parents=True)
    environ = {"AIRLOOP_HOME": str(home), "AIRLOOP_PIPELINES": str(pipelines)}
    return Orders(Workspace.from_environment(environ), pipelines / "orders")
