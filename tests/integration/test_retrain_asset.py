"""The retrain asset under a real Airflow: which events start a training, and that a decision is answered once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from airloop import clock
from airloop.ledger import Ledger
from airloop.monitoring.window import Window
from airloop.refs import Action, DecisionRef

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NAME = "asked_for"
DAG = f"{NAME}.train"
SPEC = """\
name: asked_for
data:
  source: {path: "data/parcels/date={date}/*.parquet"}
  partition: day
  event_time: sent_at
  key: [parcel]
  label: {column: late, known_at: arrived_at}
  train_window: 14d
  holdout_window: 7d
features: {build: features.py:build, inputs: [sent_at, weight_kg, distance_km, carrier]}
model: {task: binary, params: {max_depth: 2}, rounds: 5, early_stopping: 0, replicates: 0, threads: 1}
monitor: {schedule: null}
"""


@dataclass
class Asked:
    """A pipeline that trains when it is asked, and who asks."""

    laptop: object
    ledger: Ledger
    asset: int

    def decide(self, day: int) -> dict[str, str]:
        """Write a decision to retrain into the ledger, as the monitoring does; return the event that it emits."""
        as_of = datetime(2026, 2, day, tzinfo=UTC)
        window = Window(as_of - timedelta(days=1), as_of).name
        ref = DecisionRef(
            digest="d", uri="x", window=window, action=Action.RETRAIN, as_of=as_of, reasons=("it drifts",), report="r"
        )
        self.ledger.record("decision", NAME, window, ref.model_dump(mode="json"), as_of=as_of)
        return {"as_of": clock.iso(as_of), "window": window, "reason": "it drifts"}

    def post(self, **event: str) -> None:
        self.laptop.api.request("POST", "/assets/events", json={"asset_id": self.asset, "extra": event})

    def ended(self, at_least: int) -> list[str]:
        """Return the ids of all runs, the earliest first, once there are ``at_least`` and all have ended well."""
        self.laptop.until(lambda: len(self.runs()) >= at_least, f"{at_least} runs are there")
        runs = self.runs()
        assert {self.laptop.api.wait(DAG, run_id) for run_id in runs} == {"success"}
        return runs if len(self.runs()) == len(runs) else self.ended(at_least)

    def runs(self) -> list[str]:
        asked = {"run_type": "asset_triggered", "order_by": "run_after"}
        found = self.laptop.api.request("GET", f"/dags/{DAG}/dagRuns", params=asked)["dag_runs"]
        return [run["dag_run_id"] for run in found]

    def trained(self, run_id: str) -> dict[str, str] | None:
        """Return the model that a run trained, None where it trained none."""
        return self.laptop.api.result(DAG, run_id, "train_model")

    def said(self, run_id: str) -> str:
        return self.laptop.api.tasks(DAG, run_id)["take_snapshot"]["rendered_map_index"] or ""


@pytest.fixture(scope="module")
def asked(laptop):
    folder = laptop.home / "pipelines" / NAME
    folder.mkdir()
    (folder / "pipeline.yaml").write_text(SPEC)
    (folder / "features.py").write_text((laptop.home / "pipelines" / "parcels" / "features.py").read_text())
    laptop.api.wait_for_dag(DAG)
    [asset] = laptop.api.request("GET", "/assets", params={"name_pattern": f"{NAME}/retrain"})["assets"]
    return Asked(laptop, Ledger(f"sqlite:///{laptop.home}/ledger.db"), asset["id"])


@pytest.fixture(scope="module")
def burst(asked):
    """Two decisions and five events of them, at once; returns the runs that they started."""
    first, second = asked.decide(19), asked.decide(20)
    for event in (first, second, second, first, second):
        asked.post(**event)
    return asked.ended(1)


def test_a_burst_of_events_makes_one_training(asked, burst):
    """Events are merged and dropped under load, so state decides (apache/airflow#56750, #56749)."""
    trained = [run_id for run_id in burst if asked.trained(run_id)]
    assert len(trained) == 1
    snapshot = asked.laptop.api.result(DAG, trained[0], "take_snapshot")
    assert clock.parse(snapshot["as_of"]) == datetime(2026, 2, 20, tzinfo=UTC)
    assert asked.said(trained[0]).startswith("RETRAIN: 2026-02-19T00:00:00Z/2026-02-20T00:00:00Z: it drifts")


def test_the_runs_that_another_one_spares_end_well_and_say_which(asked, burst):
    asked.post(**asked.decide(20))
    spared = asked.ended(len(burst) + 1)[-1]
    states = asked.laptop.states(DAG, spared)
    assert states.pop("take_snapshot") == "success" and set(states.values()) == {"skipped"}
    answered_by = next(run_id for run_id in burst if asked.trained(run_id))
    assert asked.said(spared).startswith("Nothing to train for: 2026-02-19")
    assert answered_by in asked.laptop.api.result(DAG, spared, "take_snapshot")["reasons"][0]


def test_an_event_posted_by_hand_trains(asked, burst):
    before = len(asked.ended(1))
    asked.post(as_of="2026-02-15", reason="new prices")
    run_id = asked.ended(before + 1)[-1]
    assert asked.trained(run_id)
    assert asked.said(run_id) == "RETRAIN: an event asks for it: new prices"
    snapshot = asked.laptop.api.result(DAG, run_id, "take_snapshot")
    assert clock.parse(snapshot["as_of"]) == datetime(2026, 2, 15, tzinfo=UTC)


def test_a_decision_whose_event_was_lost_is_answered_with_the_next_event(asked, burst):
    before = len(asked.ended(1))
    lost = asked.decide(25)
    asked.post(reason="something else")
    run_id = asked.ended(before + 1)[-1]
    assert lost["window"] in asked.said(run_id)
    [claim] = asked.ledger.entries(NAME, "retraining", subject=lost["window"])
    assert claim.payload["run_id"] == run_id


def test_a_run_that_is_cleared_answers_the_same_decisions_again(asked, burst):
    trained = next(run_id for run_id in burst if asked.trained(run_id))
    before = asked.laptop.api.result(DAG, trained, "take_snapshot")
    asked.laptop.api.request("POST", f"/dags/{DAG}/dagRuns/{quote(trained, safe='')}/clear", json={"dry_run": False})
    asked.laptop.until(lambda: tries(asked, trained) == 2, "it runs again")
    assert asked.laptop.api.wait(DAG, trained) == "success"
    assert asked.laptop.api.result(DAG, trained, "take_snapshot") == before


def tries(asked, run_id):
    return asked.laptop.api.tasks(DAG, run_id)["judge_candidate"]["try_number"]
