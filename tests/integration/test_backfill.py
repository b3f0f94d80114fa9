"""Forty weeks of Airflow's own backfill beside live releases: history is made, production does not notice."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from airloop import clock
from airloop.ledger import Ledger

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NAME = "weekly"
DAG = f"{NAME}.train"
FEATURES = """\
from __future__ import annotations

import pandas as pd


def build(parcels: pd.DataFrame) -> pd.DataFrame:
    return parcels[["distance_km", "carrier"]]
"""
SPEC = """\
name: weekly
schedule: "0 6 * * MON"
data:
  source: {{path: "data/weekly/week={{date}}/*.parquet"}}
  partition: day
  event_time: sent_at
  key: [parcel]
  label: {{column: late, known_at: arrived_at}}
  train_window: 14d
  holdout_window: 7d
features: {{build: features.py:build, inputs: [distance_km, carrier]}}
model: {{task: binary, params: {{max_depth: 2}}, rounds: 5, early_stopping: 0, replicates: 0, threads: 1}}
gates: [{{metric: roc_auc, min: 0.5, min_rows: 40}}]
release: {{target: local, rollout: {{steps: [100]}}}}
monitor: {{schedule: null, fresh_champion_within: 1s}}
notify:
  - on: [released, held, rejected, rolled_back, failed, no_fresh_champion]
    notifier: webhook
    args: {{url: "{url}"}}
    cool_down: 0s
"""
WEEKS = 40
FIRST = datetime(2025, 2, 3, 6, tzinfo=UTC)
LAST = FIRST + timedelta(weeks=WEEKS - 1)
ROW = {"distance_km": 640.0, "carrier": "cheap"}


class Hook(ThreadingHTTPServer):
    """Takes what is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.told: list[dict[str, str]] = []

    def of(self, event: str) -> list[dict[str, str]]:
        return [told for told in self.told if told["event"] == event]


class _Take(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@dataclass
class Backfill:
    """Backfills of the pipeline, as Airflow's REST API makes them."""

    laptop: object

    def start(self, start: datetime, end: datetime, **more) -> None:
        body = {"dag_id": DAG, "from_date": clock.iso(start), "to_date": clock.iso(end), "max_active_runs": 4} | more
        self.laptop.until(self.is_over, "the one before is over")
        self.laptop.api.request("POST", "/backfills", json=body)

    def is_over(self) -> bool:
        known = self.laptop.api.request("GET", "/backfills", params={"dag_id": DAG})["backfills"]
        return all(each["completed_at"] for each in known)

    def runs(self) -> list[dict]:
        """Return all runs of a backfill, the earliest first."""
        asked = {"run_type": "backfill", "limit": 100, "order_by": "logical_date"}
        return self.laptop.api.request("GET", f"/dags/{DAG}/dagRuns", params=asked)["dag_runs"]

    def states(self) -> Counter[str]:
        return Counter(run["state"] for run in self.runs())

    def results(self, task: str) -> dict[str, dict]:
        """Return logical date → what a task handed on."""
        return {run["logical_date"]: self.laptop.api.result(DAG, run["dag_run_id"], task) for run in self.runs()}


@pytest.fixture(scope="module")
def hook():
    server = Hook()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture(scope="module")
def ledger(laptop):
    return Ledger(f"sqlite:///{laptop.home}/ledger.db")


@pytest.fixture(scope="module")
def backfill(laptop, make_parcels, hook):
    """A pipeline with a year of rows, its first champion, and the means to backfill it."""
    days = pd.date_range(FIRST - timedelta(weeks=4), LAST + timedelta(weeks=4), freq="D", normalize=True)
    frame = make_parcels(days, rows=12)
    for day, rows in frame.groupby(frame["sent_at"].dt.strftime("%Y-%m-%d")):
        folder = laptop.home / "data" / NAME / f"week={day}"
        folder.mkdir(parents=True)
        rows.to_parquet(folder / "parcels.parquet", index=False)
    folder = laptop.home / "pipelines" / NAME
    folder.mkdir()
    (folder / "features.py").write_text(FEATURES)
    (folder / "pipeline.yaml").write_text(SPEC.format(url=f"http://127.0.0.1:{hook.server_port}/T0/secret"))
    run_id, ended = laptop.run(DAG, as_of=clock.iso(LAST + timedelta(weeks=1)))
    assert ended == "success" and laptop.api.result(DAG, run_id, "release")["outcome"] == "RELEASED"
    return Backfill(laptop)


@pytest.fixture(scope="module")
def forty_weeks(laptop, backfill, ledger):
    """The backfill, with a release in its midst."""
    backfill.start(FIRST, LAST)
    laptop.until(lambda: backfill.states()["success"] >= 4, "it has begun", timeout_s=300)
    run_id, ended = laptop.run(DAG, as_of=clock.iso(LAST + timedelta(weeks=2)))
    assert ended == "success" and laptop.api.result(DAG, run_id, "release")["outcome"] == "RELEASED"
    assert backfill.states()["success"] < WEEKS, "the release was beside it"
    laptop.until(lambda: backfill.states()["success"] >= WEEKS, "all weeks are done", timeout_s=600)


def test_a_backfill_has_a_verdict_for_every_interval_as_of_then(forty_weeks, backfill, ledger):
    ticks = [FIRST + timedelta(weeks=week) for week in range(WEEKS)]
    assert backfill.states() == {"success": WEEKS}
    snapshots = backfill.results("take_snapshot")
    assert [clock.parse(snapshot["as_of"]) for snapshot in snapshots.values()] == ticks
    assert {snapshot["rows"] // 12 for snapshot in snapshots.values()} == {21}, "three weeks of rows, no later ones"
    judged = {entry.as_of for entry in ledger.entries(NAME, "verdict")}
    assert judged >= set(ticks)


def test_a_backfill_runs_several_intervals_at_once(forty_weeks, backfill):
    runs = [(clock.parse(run["start_date"]), clock.parse(run["end_date"])) for run in backfill.runs()]
    at_once = [sum(start <= began < end for start, end in runs) for began, _ in runs]
    assert 2 <= max(at_once) <= 4


def test_a_backfill_beside_a_release_never_changes_the_champion(forty_weeks, laptop, ledger):
    """The latest blessed is not the last created (TFX's strategy, SnowPatrol's ``:latest``)."""
    champions = ledger.champions(NAME)
    assert [champion.data_cut_off for champion in champions] == [LAST + timedelta(weeks=2), LAST + timedelta(weeks=1)]
    assert all(champion.run_id.startswith("test-") for champion in champions)
    assert laptop.server.infer(NAME, ROW)["model_version"] == champions[0].version


def test_a_backfill_asks_for_no_training(forty_weeks, laptop):
    """Backfilled producers would fire the consumer once per run (apache/airflow#52665)."""
    assets = laptop.api.request("GET", "/assets", params={"name_pattern": f"{NAME}/retrain"})["assets"]
    assert len(assets) == 1
    events = laptop.api.request("GET", "/assets/events", params={"asset_id": assets[0]["id"]})
    assert events["total_entries"] == 0
    asked = {"run_type": "asset_triggered"}
    assert laptop.api.request("GET", f"/dags/{DAG}/dagRuns", params=asked)["total_entries"] == 0


def test_a_backfill_tells_nobody(forty_weeks, hook, ledger):
    """Of a week that the data ends before, the scheduler may try one tick; that is no backfill, and red, and told."""
    assert [told["version"] for told in hook.of("released")] == [
        champion.version for champion in reversed(ledger.champions(NAME))
    ]
    assert hook.of("held") == hook.of("rejected") == []
    assert all("/runs/backfill" not in told["link"] for told in hook.told)


def test_a_champion_that_is_too_old_is_told_with_the_next_run(forty_weeks, laptop, hook):
    """Airflow's deadline: the champion of the first release was older than wanted when the second run was made."""
    laptop.until(lambda: hook.of("no_fresh_champion"), "the triggerer tells")
    [told, *_] = hook.of("no_fresh_champion")
    assert "wanted within 1s" in told["reasons"][0] and DAG in told["link"]


def test_completed_intervals_run_again_to_the_same(forty_weeks, laptop, backfill, ledger):
    """A backfill that reprocesses clears the runs in place; they find what they made."""
    before = {task: backfill.results(task) for task in ("take_snapshot", "validate_data", "train_model")}
    champions = ledger.champions(NAME)
    backfill.start(FIRST, FIRST + timedelta(weeks=3), reprocess_behavior="completed")
    again = [run["dag_run_id"] for run in backfill.runs()[:4]]
    laptop.until(lambda: all(tries(laptop, run_id) == 2 for run_id in again), "they run again")
    laptop.until(lambda: backfill.states() == {"success": WEEKS}, "they are done")
    assert {task: backfill.results(task) for task in before} == before
    assert ledger.champions(NAME) == champions


def tries(laptop, run_id):
    return laptop.api.tasks(DAG, run_id)["judge_candidate"]["try_number"]


def test_even_a_backfill_that_is_asked_to_release_only_moves_forward(forty_weeks, laptop, backfill, ledger):
    champions = ledger.champions(NAME)
    wish = {"release_backfill": True}
    backfill.start(LAST, LAST, reprocess_behavior="completed", dag_run_conf=wish)
    last = backfill.runs()[-1]["dag_run_id"]
    laptop.until(lambda: tries(laptop, last) == 2, "it runs again")
    assert laptop.api.wait(DAG, last) == "success"
    verdict = laptop.api.result(DAG, last, "judge_candidate")
    assert "newer data" in " ".join(verdict["reasons"])
    assert ledger.champions(NAME) == champions
