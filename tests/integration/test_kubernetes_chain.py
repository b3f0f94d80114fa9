"""From rows to pods in a cluster, under a real Airflow and without a Docker engine: two releases, and the way back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.kubernetes_cluster import REGISTRY, REGISTRY_OF_NODES, namespace, require

from airloop import cluster
from airloop.cluster import Cluster
from airloop.images import pushing
from airloop.serving.client import ServerClient
from airloop.serving.tokens import read_or_make
from airloop.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.kubernetes, pytest.mark.timeout(1800)]

DAG = "clustered.train"
ROW = {"sent_at": "2026-02-20T10:00:00Z", "weight_kg": 2.5, "distance_km": 640.0, "carrier": "cheap"}
LONGEST_S = 900
NO_ENGINE = "tcp://127.0.0.1:9"


@pytest.fixture(scope="module")
def stack(laptop_with, tmp_path_factory):
    """Give a stack whose pods have a namespace of their own; its base image is in the registry, and no engine is."""
    kubeconfig = require()
    scratch = Workspace.from_environment(
        {"AIRLOOP_HOME": str(tmp_path_factory.mktemp("base")), "AIRLOOP_REGISTRY": REGISTRY}
    )
    pushing.made(scratch, with_pandas=True)
    with namespace() as name:
        yield laptop_with(
            AIRLOOP_REGISTRY=REGISTRY,
            AIRLOOP_KUBERNETES_REGISTRY=REGISTRY_OF_NODES,
            AIRLOOP_KUBERNETES_NAMESPACE=name,
            KUBECONFIG=kubeconfig,
            DOCKER_HOST=NO_ENGINE,
        )


@pytest.fixture(scope="module")
def workspace(stack) -> Workspace:
    """Give the stack's workspace."""
    return Workspace.from_environment(stack.environ)


@pytest.fixture(scope="module")
def pods(workspace) -> Iterator[Cluster]:
    """Give the cluster's namespace, asked directly."""
    with cluster.connected(workspace) as connection:
        yield connection


@pytest.fixture(scope="module")
def first(stack):
    """Give what the tasks of the first release handed on."""
    return results(stack, "2026-02-10")


@pytest.fixture(scope="module")
def door(stack, pods, workspace, first) -> Iterator[ServerClient]:
    """Give a client of the pipeline's Service."""
    found = pods.get("v1", "Service", cluster.name_of(workspace, "clustered"))
    url = f"http://{found['spec']['clusterIP']}:{found['spec']['ports'][0]['port']}"
    with ServerClient(url, read_or_make(stack.home).infer) as client:
        yield client


@pytest.fixture(scope="module")
def second(stack, door):
    """Give the same of the second one, and who answered while it came."""
    answers: Counter[str] = Counter()
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.wait(0.02):
            try:
                # Shares are of connections where pods share them: a new one for each request.
                with ServerClient(door.url, read_or_make(stack.home).infer) as client:
                    answers[client.infer("clustered", ROW)["model_version"]] += 1
            except Exception as error:
                answers[repr(error)] += 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        return results(stack, "2026-02-20"), answers
    finally:
        is_over.set()
        asking.join(30)


def results(stack, as_of: str) -> dict[str, dict]:
    """Run the chain and return task → what it handed on."""
    run_id = stack.trigger(DAG, as_of=as_of)
    assert stack.api.wait(DAG, run_id, timeout_s=LONGEST_S) == "success", stack.states(DAG, run_id)
    tasks = ("package_bundle", "verify_bundle", "release")
    return {task: stack.api.result(DAG, run_id, task) for task in tasks}


def images_of(pods, workspace) -> set[str]:
    """Return the images of the pods that serve the pipeline and are not on their way out."""
    found = pods.list("v1", "Pod", cluster.labels(workspace, "server", "clustered"))
    return {pod["spec"]["containers"][0]["image"] for pod in found if "deletionTimestamp" not in pod["metadata"]}


def test_what_was_packaged_is_what_was_verified_and_what_serves(pods, workspace, door, first):
    packaged, verified, released = first["package_bundle"], first["verify_bundle"], first["release"]
    image = packaged["image"]
    assert image.startswith(f"{REGISTRY}/clustered@sha256:") and packaged["signature"] and packaged["sbom"]
    assert verified["passed"] and verified["image"] == image
    assert (released["outcome"], released["generation"], released["image"]) == ("RELEASED", 1, image)
    assert released["evidence"]
    assert {name.partition("@")[2] for name in images_of(pods, workspace)} == {image.partition("@")[2]}
    answer = door.infer("clustered", ROW)
    assert answer["model_version"] == released["version"]
    assert 0 < answer["outputs"][0]["data"][0] < 1


def test_the_second_release_climbs_under_traffic_and_loses_no_request(first, second):
    handed, answers = second
    released, old = handed["release"], first["release"]
    assert (released["outcome"], released["generation"]) == ("RELEASED", 2)
    assert set(answers) == {old["version"], released["version"]}, answers
    assert min(answers.values()) >= 40


def test_a_roll_back_serves_the_image_of_before(stack, door, first, second):
    run_id, ended = stack.run("clustered.rollback", reason="it answers nonsense")
    assert ended == "success", stack.states("clustered.rollback", run_id)
    back = stack.api.result("clustered.rollback", run_id, "roll_back")
    assert (back["version"], back["generation"]) == (first["release"]["version"], 3)
    assert door.infer("clustered", ROW)["model_version"] == first["release"]["version"]


def test_no_pod_of_a_verification_is_left(pods, workspace, second):
    found = pods.list("v1", "Pod", cluster.labels(workspace, "verification"))
    assert [pod for pod in found if "deletionTimestamp" not in pod["metadata"]] == []
