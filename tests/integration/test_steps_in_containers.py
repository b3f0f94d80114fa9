"""Heavy steps in containers under a real Airflow: a training outlives the worker that watches it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import docker
import psutil
import pytest

# The image for steps is made where it is not there yet.
pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.timeout(1200)]

DAG = "in_containers.train"


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    """Give the real engine's client."""
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def trainings(laptop, engine):
    """Return a function that lists the containers, running or not, in which the stack trains."""
    wanted = [f"dev.airloop.stack={laptop.environ['AIRLOOP_PREFIX']}", "dev.airloop.step=train_model"]
    yield lambda: engine.containers.list(all=True, filters={"label": wanted})
    for left in engine.containers.list(all=True, filters={"label": wanted[:1]}):
        left.remove(force=True, v=True)


def said(container) -> str:
    """Return all that a container has said so far."""
    return container.logs().decode()


@pytest.fixture
def made(laptop, engine) -> Iterator[list[str]]:
    """Give the steps of all containers that the stack makes from now on, also of those that are gone again."""
    wanted = {"event": "create", "label": f"dev.airloop.stack={laptop.environ['AIRLOOP_PREFIX']}"}
    steps: list[str] = []
    events = engine.events(filters=wanted, decode=True)

    def listen() -> None:
        for event in events:
            steps.append(event["Actor"]["Attributes"]["dev.airloop.step"])

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    yield steps
    events.close()
    listener.join(30)


def test_a_training_goes_on_in_its_container_when_its_worker_is_killed(laptop, trainings, made):
    run_id = laptop.trigger(DAG, as_of="2026-02-10")
    laptop.until(lambda: any("round 200 of" in said(one) for one in trainings()), "it trains", timeout_s=600)
    (container,) = trainings()
    worker = psutil.Process(laptop.api.tasks(DAG, run_id)["train_model"]["pid"])
    worker.kill()
    laptop.until(lambda: laptop.states(DAG, run_id)["train_model"] != "running", "Airflow has noticed")
    assert [one.id for one in trainings()] == [container.id], "the container outlives its worker"

    assert laptop.api.wait(DAG, run_id, timeout_s=400) == "success", laptop.states(DAG, run_id)
    assert laptop.api.tasks(DAG, run_id)["train_model"]["try_number"] == 2
    assert trainings() == []
    assert sorted(made) == ["judge_candidate", "train_model"]
    log = "\n".join(laptop.api.log(DAG, run_id, "train_model", 2))
    assert "watch it further" in log and "What the container said before this try" in log

    model = laptop.api.result(DAG, run_id, "train_model")
    released = laptop.api.result(DAG, run_id, "release")
    assert (model["version"], released["version"], released["outcome"]) == ("1", "1", "RELEASED")
    judged = laptop.api.tasks(DAG, run_id)["judge_candidate"]["rendered_map_index"]
    assert judged.startswith("PROMOTE: roc_auc")
    links = {
        task: laptop.api.request("GET", f"/dags/{DAG}/dagRuns/{run_id}/taskInstances/{task}/links")["extra_links"]
        for task in ("train_model", "judge_candidate")
    }
    assert links["train_model"]["MLflow run"].endswith(f"/airloop/runs/{model['run_id']}")
    assert links["judge_candidate"]["Report"].endswith("/report.html")
