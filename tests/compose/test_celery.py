"""Two Celery workers of the stack: a training outlives its worker, and a backfill is spread over both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from airloop.compose import stack

pytestmark = [pytest.mark.docker, pytest.mark.e2e, pytest.mark.timeout(1200)]

NAME = "flight_delays"
DAG = f"{NAME}.train"
MONDAYS = ("2013-04-01T06:00:00Z", "2013-04-15T06:00:00Z")
WORKERS = ("worker-1", "worker-2")
STORE = "/srv/airloop/store"
LOGS = f"/opt/airflow/logs/dag_id={DAG}"
SETTINGS = {"AIRLOOP_EXECUTOR": "CeleryExecutor", "COMPOSE_PROFILES": "celery", "AIRLOOP_HEARTBEAT_TIMEOUT": "30"}
# Prints the run whose training has written a checkpoint and boosts on, as soon as there is one.
BOOSTING = f"""
until found=$(grep -rl "main: round 50 of at most" {LOGS}/*/task_id=train_model 2>/dev/null | head -1) && [ "$found" ]
do sleep 0.1; done; echo "$found"
"""
# Trains again what is there, out of sight of the first, and prints both lists of files with their digests.
AGAIN = f"""
set -e
cd {STORE}/models; mv "$1" /tmp/first; cat /tmp/first/.files.json; echo; echo ---
python -m airloop train_model {NAME} --refs "$2" >/tmp/again.json 2>/tmp/again.log || {{ cat /tmp/again.log; exit 1; }}
grep -c "going on after round" /tmp/again.log || true; echo ---
cat "$1/.files.json"
"""


@dataclass
class Backfilled:
    """What a backfill did while a worker was killed in the midst of a training."""

    running: Any
    killed: str
    """The worker."""
    run_id: str
    """Of the run whose training was killed with it."""
    tasks: dict[str, list[dict[str, Any]]]
    """Run → all its task instances."""

    def training(self) -> dict[str, Any]:
        (found,) = [task for task in self.tasks[self.run_id] if task["task_id"] == "train_model"]
        return found


@pytest.fixture(scope="module")
def celery(running: Any) -> Iterator[Any]:
    """The stack with two workers instead of the scheduler's own; as it was afterwards."""
    engine = running.engine
    before = engine.env_file.read_text(encoding="utf-8")
    given = {name: value for name, value in engine.settings.items() if name not in SETTINGS} | SETTINGS
    engine.env_file.write_text("".join(f"{name}={value}\n" for name, value in given.items()), encoding="utf-8")
    engine.__dict__.pop("settings", None)
    try:
        stack.up(engine, running.said.append)
        yield running
    finally:
        engine.compose("rm", "--stop", "--force", *WORKERS, "redis")
        engine.env_file.write_text(before, encoding="utf-8")
        engine.__dict__.pop("settings", None)


@pytest.fixture(scope="module")
def backfilled(celery: Any) -> Backfilled:
    """Backfill some weeks, and kill the worker whose training has come to its fiftieth round."""
    celery.cli("land", NAME)
    project = f"label=com.docker.compose.project={celery.engine.settings['COMPOSE_PROJECT_NAME']}"
    mine = ("ps", "--quiet", "--filter", project, "--filter")
    workers = {
        name: celery.engine.docker(*mine, f"label=com.docker.compose.service={name}").strip() for name in WORKERS
    }
    celery.api.wait_for_dag(DAG)
    asked = {"dag_id": DAG, "from_date": MONDAYS[0], "to_date": MONDAYS[1], "max_active_runs": 2, "dag_run_conf": {}}
    celery.api.request("POST", "/backfills", json=asked | {"run_backwards": False, "reprocess_behavior": "none"})
    found = celery.inside("airflow-scheduler", "timeout", "400", "sh", "-c", BOOSTING)
    run_id = found.partition("run_id=")[2].partition("/")[0]
    killed = celery.api.tasks(DAG, run_id)["train_model"]["hostname"]
    celery.engine.docker("kill", workers[killed])
    runs = [run["dag_run_id"] for run in celery.api.runs(DAG, "backfill")]
    states = [celery.api.wait(DAG, each, timeout_s=500) for each in runs]
    assert states == ["success"] * 3
    return Backfilled(celery, killed, run_id, {each: list(celery.api.tasks(DAG, each).values()) for each in runs})


def test_a_training_killed_with_its_worker_goes_on_at_the_other_from_its_checkpoint(backfilled: Backfilled):
    (other,) = set(WORKERS) - {backfilled.killed}
    training = backfilled.training()
    assert (training["state"], training["hostname"]) == ("success", other)
    assert training["try_number"] > 1
    log = backfilled.running.api.log(DAG, backfilled.run_id, "train_model", training["try_number"])
    (said,) = [line for line in log if line.startswith("going on after round ") and "/main/" in line]
    assert int(said.split()[4]) >= 50, said


def test_it_ends_in_the_same_bytes_as_one_that_nobody_killed(backfilled: Backfilled):
    api = backfilled.running.api
    given = {"snapshot": "take_snapshot", "validation": "validate_data"}
    refs = {name: api.result(DAG, backfilled.run_id, task) for name, task in given.items()}
    model = api.result(DAG, backfilled.run_id, "train_model")["digest"]
    (other,) = set(WORKERS) - {backfilled.killed}
    said = backfilled.running.inside(other, "sh", "-c", AGAIN, "again", model, json.dumps(refs))
    killed, resumed, whole = said.split("---")
    assert resumed.strip() == "0"
    assert json.loads(killed) == json.loads(whole)
    assert "model/model.ubj" in json.loads(whole)


def test_a_backfill_is_spread_over_both_workers(backfilled: Backfilled):
    done = [task for tasks in backfilled.tasks.values() for task in tasks if task["state"] == "success"]
    assert {task["hostname"] for task in done} == set(WORKERS)
