"""Watching production under a real Airflow: what waits, what is decided once, and how a training follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pandas as pd
import pytest

from airloop.serving.client import ServerClient
from airloop.serving.tokens import read_or_make
from airloop.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DAG = "watched.monitor"
TASKS = {
    "wait_for_predictions",
    "profile_window",
    "score_drift",
    "wait_for_labels",
    "score_performance",
    "decide_retraining",
}
INPUTS = ["parcel", "sent_at", "weight_kg", "distance_km", "carrier"]


@pytest.fixture(scope="module")
def released(laptop):
    """The watched model, live."""
    run_id, ended = laptop.run("watched.train", as_of="2026-02-10")
    assert ended == "success", laptop.states("watched.train", run_id)
    return laptop.api.result("watched.train", run_id, "release")


@pytest.fixture(scope="module")
def ask(laptop):
    """Ask the model about parcels, and have the answers in the prediction log."""

    def asked(frame: pd.DataFrame) -> None:
        rows = frame[INPUTS].assign(sent_at=frame["sent_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        with ServerClient(laptop.stack.server_url, read_or_make(laptop.home).admin) as server:
            server.infer("watched", rows.to_dict("records"))
            server.flush()

    return asked


@pytest.fixture(scope="module")
def ledger(laptop):
    return Workspace.from_environment(laptop.environ).ledger


@pytest.fixture(scope="module")
def quiet(laptop, released):
    """A run over a week in which nobody asked the model."""
    run_id, ended = laptop.run(DAG, as_of="2026-02-05")
    assert ended == "success", laptop.states(DAG, run_id)
    return run_id


@pytest.fixture(scope="module")
def moved(laptop, released, quiet, ask, make_parcels):
    """A run over a week of parcels that go ten times as far as those the model knows."""
    parcels = make_parcels(pd.date_range("2026-01-01", periods=60, tz="UTC"))
    week = parcels[parcels["sent_at"].between("2026-02-13", "2026-02-20", inclusive="left")]
    ask(week.assign(distance_km=week["distance_km"] * 10))
    run_id, ended = laptop.run(DAG, as_of="2026-02-20", why="they go far now")
    assert ended == "success", laptop.states(DAG, run_id)
    return run_id, len(week)


def headline(laptop, run_id, task_id):
    return laptop.api.tasks(DAG, run_id)[task_id]["rendered_map_index"]


def test_a_window_without_traffic_is_inconclusive_and_no_failure(laptop, quiet):
    assert laptop.states(DAG, quiet) == dict.fromkeys(TASKS, "success")
    assert headline(laptop, quiet, "wait_for_predictions").startswith("INCONCLUSIVE: no predictions")
    assert headline(laptop, quiet, "score_drift").startswith("INCONCLUSIVE")
    assert headline(laptop, quiet, "decide_retraining").startswith("WAIT")
    assert laptop.api.result(DAG, quiet, "decide_retraining")["action"] == "WAIT"


def test_a_window_that_moved_is_decided_with_reasons_and_a_page(laptop, moved):
    run_id, rows = moved
    assert laptop.states(DAG, run_id) == dict.fromkeys(TASKS, "success")
    assert headline(laptop, run_id, "wait_for_predictions") == f"{rows} predictions"
    assert headline(laptop, run_id, "score_drift").startswith("ACT")
    assert headline(laptop, run_id, "decide_retraining").startswith("RETRAIN")
    url = laptop.api.request("GET", f"/dags/{DAG}/dagRuns/{run_id}/taskInstances/decide_retraining/links")
    page = _page(laptop, url["extra_links"]["Window report"])
    assert page.status_code == 200 and "distance_km" in page.text


def test_a_retraining_starts_with_its_reason_and_only_by_that_decision(laptop, ledger, moved):
    def started():
        found = laptop.api.request("GET", "/dags/watched.train/dagRuns")["dag_runs"]
        return [run for run in found if run["run_type"] == "asset_triggered"]

    laptop.until(started, "the training starts", timeout_s=60)
    (run,) = started()
    path = f"/dags/watched.train/dagRuns/{run['dag_run_id']}/upstreamAssetEvents"
    (event,) = laptop.api.request("GET", path)["asset_events"]
    decision = laptop.api.result(DAG, moved[0], "decide_retraining")
    assert (event["source_dag_id"], event["source_run_id"]) == (DAG, moved[0])
    assert event["extra"]["window"] == decision["window"] == "2026-02-13T00:00:00Z/2026-02-20T00:00:00Z"
    assert event["extra"]["as_of"] == "2026-02-20T00:00:00Z"
    assert event["extra"]["reason"] == "; ".join(decision["reasons"])
    assert laptop.api.wait("watched.train", run["dag_run_id"]) == "success"
    why = laptop.api.tasks("watched.train", run["dag_run_id"])["take_snapshot"]["rendered_map_index"]
    assert why.startswith("RETRAIN")


def test_looking_again_finds_the_same_and_decides_nothing_new(laptop, ledger, moved):
    run_id, ended = laptop.run(DAG, as_of="2026-02-20")
    assert ended == "success"
    for task_id in ("profile_window", "score_drift", "score_performance", "decide_retraining"):
        assert laptop.api.result(DAG, run_id, task_id)["digest"] == laptop.api.result(DAG, moved[0], task_id)["digest"]
    decision = laptop.api.result(DAG, run_id, "decide_retraining")
    assert len(ledger.entries("watched", "decision", subject=decision["window"])) == 1


def test_a_backfill_looks_at_windows_and_asks_for_nothing(laptop, ledger, moved):
    def asked():
        return laptop.api.request("GET", "/assets/events", params={"source_dag_id": DAG})["total_entries"]

    decided = [entry.id for entry in ledger.entries("watched", "decision")]
    before, day = asked(), "2026-02-20T00:00:00Z"
    laptop.api.request("POST", "/backfills", json={"dag_id": DAG, "from_date": day, "to_date": day})
    (run,) = laptop.api.request("GET", f"/dags/{DAG}/dagRuns", params={"run_type": "backfill"})["dag_runs"]
    assert laptop.api.wait(DAG, run["dag_run_id"]) == "success"
    looked_back = laptop.api.result(DAG, run["dag_run_id"], "decide_retraining")
    assert not looked_back["is_binding"] and looked_back["window"].startswith("2026-02-13")
    assert asked() == before > 0
    assert [entry.id for entry in ledger.entries("watched", "decision")] == decided


def test_what_waits_survives_its_triggerer_and_its_scheduler_and_decides_once(
    laptop, ledger, released, ask, make_parcels
):
    runs = [laptop.trigger(DAG), laptop.trigger(DAG)]
    waiting = {"wait_for_predictions": "deferred"}

    def both_wait():
        return all(laptop.states(DAG, run_id).items() >= waiting.items() for run_id in runs)

    laptop.until(both_wait, "both runs wait")
    log = "\n".join(laptop.api.log(DAG, runs[0], "wait_for_predictions", 1))
    assert "no predictions in" in log and "waiting until" in log
    for part in ("triggerer", "scheduler"):
        laptop.component(part).kill()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ask(make_parcels(pd.date_range(today - timedelta(days=7), periods=7)))
    assert [laptop.api.wait(DAG, run_id) for run_id in runs] == ["success", "success"]
    first, second = (laptop.api.result(DAG, run_id, "decide_retraining") for run_id in runs)
    assert first["window"] == second["window"] and first["window"].endswith(f"{today:%Y-%m-%d}T00:00:00Z")
    assert len(ledger.entries("watched", "decision", subject=first["window"])) == 1


def _page(laptop, url):
    login = {"username": laptop.stack.user, "password": laptop.stack.password}
    token = httpx.post(f"{laptop.stack.airflow_url}/auth/token", json=login, trust_env=False).json()["access_token"]
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
