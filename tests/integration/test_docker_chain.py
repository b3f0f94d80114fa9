"""From rows to a container behind the gateway, under a real Airflow: two releases, and the way back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import docker
import pytest

from airloop import images
from airloop.serving.client import ServerClient
from airloop.serving.tokens import read_or_make
from airloop.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.timeout(1500)]

DAG = "shipped.train"
ROW = {"sent_at": "2026-02-20T10:00:00Z", "weight_kg": 2.5, "distance_km": 640.0, "carrier": "cheap"}
LABEL = "dev.airloop"
LONGEST_S = 600


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    """Give the real engine's client."""
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def prefix(laptop, engine) -> Iterator[str]:
    """Give how the names of the stack begin; at the end all that has it is removed."""
    name = laptop.environ["AIRLOOP_PREFIX"]
    # A task would make it, too, but on a busy machine that takes longer than is waited for here.
    images.base(Workspace.from_environment(laptop.environ), with_pandas=True)
    yield name
    for container in containers(engine, name):
        container.remove(force=True, v=True)
    for volume in engine.volumes.list():
        if volume.name.startswith(f"{name}-"):
            volume.remove(force=True)
    for image in engine.images.list():
        for tag in image.tags:
            if tag.startswith(f"{name}/"):
                engine.images.remove(tag, force=True)


@pytest.fixture(scope="module")
def gateway(laptop, prefix) -> Iterator[ServerClient]:
    """Give a client of the gateway's public door."""
    with ServerClient(laptop.environ["AIRLOOP_GATEWAY"], read_or_make(laptop.home).infer) as client:
        yield client


@pytest.fixture(scope="module")
def first(laptop, gateway):
    """Give what the tasks of the first release handed on."""
    return results(laptop, "2026-02-10")


@pytest.fixture(scope="module")
def second(laptop, gateway, first):
    """Give the same of the second one, and who answered while it came."""
    answers: Counter[str] = Counter()
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.wait(0.02):
            try:
                answers[gateway.infer("shipped", ROW)["model_version"]] += 1
            except Exception as error:
                answers[repr(error)] += 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        return results(laptop, "2026-02-20"), answers
    finally:
        is_over.set()
        asking.join(30)


def results(laptop, as_of: str) -> dict[str, dict]:
    """Run the chain and return task → what it handed on."""
    run_id = laptop.trigger(DAG, as_of=as_of)
    assert laptop.api.wait(DAG, run_id, timeout_s=LONGEST_S) == "success", laptop.states(DAG, run_id)
    tasks = ("package_bundle", "verify_bundle", "release")
    return {task: laptop.api.result(DAG, run_id, task) for task in tasks}


def containers(engine, prefix: str) -> list:
    wanted = [f"{LABEL}.stack={prefix}"]
    return engine.containers.list(all=True, filters={"label": wanted}, ignore_removed=True)


def server(engine, prefix: str):
    """Return the one container that serves the pipeline."""
    (found,) = (one for one in containers(engine, prefix) if one.labels.get(f"{LABEL}.pipeline") == "shipped")
    return found


def test_what_was_packaged_is_what_was_verified_and_what_serves(engine, prefix, gateway, first):
    packaged, verified, released = first["package_bundle"], first["verify_bundle"], first["release"]
    image = packaged["image"]
    assert image.startswith("sha256:") and packaged["signature"] and packaged["sbom"]
    assert verified["passed"] and verified["image"] == image
    assert (released["outcome"], released["generation"], released["image"]) == ("RELEASED", 1, image)
    assert released["evidence"]
    assert server(engine, prefix).attrs["Image"] == image
    answer = gateway.infer("shipped", ROW)
    assert answer["model_version"] == released["version"]
    assert 0 < answer["outputs"][0]["data"][0] < 1


def test_the_endpoint_is_the_gateway_s(laptop, first):
    assert first["release"]["endpoint"] == f"{laptop.environ['AIRLOOP_GATEWAY']}/v2/models/shipped/infer"


def test_the_second_release_climbs_under_traffic_and_loses_no_request(engine, prefix, first, second):
    handed, answers = second
    released, old = handed["release"], first["release"]
    assert (released["outcome"], released["generation"]) == ("RELEASED", 2)
    assert set(answers) == {old["version"], released["version"]}, answers
    assert min(answers.values()) >= 40
    assert server(engine, prefix).attrs["Image"] == handed["package_bundle"]["image"] == released["image"]


def test_a_roll_back_starts_the_image_of_before(laptop, engine, prefix, gateway, first, second):
    run_id, ended = laptop.run("shipped.rollback", reason="it answers nonsense")
    assert ended == "success", laptop.states("shipped.rollback", run_id)
    back = laptop.api.result("shipped.rollback", run_id, "roll_back")
    assert (back["version"], back["generation"]) == (first["release"]["version"], 3)
    assert gateway.infer("shipped", ROW)["model_version"] == first["release"]["version"]
    assert server(engine, prefix).attrs["Image"] == first["package_bundle"]["image"]


def test_nothing_is_left_but_the_gateway_and_the_champion(engine, prefix, second):
    roles = Counter(one.labels[f"{LABEL}.role"] for one in containers(engine, prefix))
    assert roles == {"gateway": 1, "server": 1}
    assert all(one.status == "running" for one in containers(engine, prefix))
