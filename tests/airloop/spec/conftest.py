from __future__ import annotations

from pathlib import Path

import pytest

from airloop.spec import Pipeline, load

RIGHT = """\
name: churn
schedule: "0 6 * * MON"
data:
  source: {path: "data/churn/date={date}/*.parquet"}
  partition: day
  event_time: asked_at
  key: [customer]
  label: {column: churned, known_at: left_at}
  train_window: 60d
  holdout_window: 7d
  expectations: expectations.yaml
features: features.py:build
model: {task: binary, trainer: xgboost, params: {max_depth: 6, learning_rate: 1e-1}, rounds: 400}
gates:
  - {metric: roc_auc, min: 0.62}
  - {metric: log_loss, versus: champion, margin: 0.002, confidence: 0.95}
  - {metric: roc_auc, slices: country, min: 0.58, min_rows: 200}
  - {latency_p99_ms: 25, bundle_mb: 50}
release: {target: local, approval: none, rollout: {shadow: false, steps: [10, 50, 100], min_requests: 200}}
monitor:
  drift: {method: psi, warn: 0.10, act: 0.25}
  retrain: {windows: "2 of 5", cool_down: 7d, at_most: 2 per week}
notify:
  - {on: [released], notifier: airflow.providers.slack.notifications.slack.SlackNotifier}
owner: churn-team
"""

FEATURES = "import pandas as pd\n\n\ndef build(rows: pd.DataFrame) -> pd.DataFrame:\n    return rows\n"


class Churn:
    """A pipeline's folder that can be changed and loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.yaml = folder / "pipeline.yaml"
        folder.mkdir()
        self.yaml.write_text(RIGHT)
        (folder / "features.py").write_text(FEATURES)
        (folder / "expectations.yaml").write_text("[]\n")

    def load(self) -> Pipeline:
        return load(self.folder)


@pytest.fixture
def churn(tmp_path, monkeypatch):
    """Return a right pipeline's folder below the working directory."""
    monkeypatch.chdir(tmp_path)
    return Churn(tmp_path / "churn")
