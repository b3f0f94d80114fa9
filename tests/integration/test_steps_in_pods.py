"""Heavy steps in pods under a real Airflow: a training outlives its worker, and goes on after an eviction."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from tests.kubernetes_claims import claim
from tests.kubernetes_cluster import REGISTRY, REGISTRY_OF_NODES, namespace, require

from airloop import images
from airloop.cluster import Cluster, connected
from airloop.errors import AirloopError
from airloop.workspace import Workspace

# The image for steps is made where it is not there yet.
pytestmark = [pytest.mark.e2e, pytest.mark.kubernetes, pytest.mark.timeout(1800)]

DAG = "in_pods.train"
HALT = """
import os, pathlib, signal
for process in pathlib.Path("/proc").glob("[0-9]*"):
    if b"airloop" in (process / "cmdline").read_bytes().split(bytes(1)):
        os.kill(int(process.name), signal.SIGSTOP)
"""


@pytest.fixture(scope="module")
def laptop(laptop_with, tmp_path_factory) -> Iterator:
    """A stack all of whose folders lie in a claim, with a namespace of its own for its pods."""
    kubeconfig, shared = require(), tmp_path_factory.getbasetemp()
    scratch = {"AIRLOOP_HOME": str(tmp_path_factory.mktemp("image")), "AIRLOOP_REGISTRY": REGISTRY}
    images.steps(Workspace.from_environment(scratch), pushed=True)
    # Pods run as this very user, be it root: both write the same folders.
    with namespace({"pod-security.kubernetes.io/enforce": "baseline"}) as name, claim(name, shared) as claimed:
        yield laptop_with(
            AIRLOOP_STORE=str(shared),
            AIRLOOP_REGISTRY=REGISTRY,
            AIRLOOP_KUBERNETES_REGISTRY=REGISTRY_OF_NODES,
            AIRLOOP_KUBERNETES_NAMESPACE=name,
            AIRLOOP_KUBERNETES_CLAIM=claimed,
            AIRLOOP_KUBERNETES_USER=f"{os.getuid()}:{os.getgid()}",
            KUBECONFIG=kubeconfig,
        )


@pytest.fixture(scope="module")
def cluster(laptop) -> Iterator[Cluster]:
    """The namespace, asked directly."""
    with connected(Workspace.from_environment(laptop.environ)) as found:
        yield found


def trainings(cluster: Cluster) -> list[str]:
    """Return the names of the pods, ended or not, in which the stack trains."""
    return [pod["metadata"]["name"] for pod in cluster.list("v1", "Pod", {"airloop.dev/step": "train_model"})]


def is_at_round(cluster: Cluster, number: int) -> bool:
    """Return whether a training has come as far as that."""
    with suppress(AirloopError):
        return any(f"round {number} of" in cluster.logs(pod, lines=10_000) for pod in trainings(cluster))
    return False


def said(laptop, run_id: str, attempt: int) -> str:
    """Return the log of a try; "" where there is none yet."""
    with suppress(AirloopError):
        return "\n".join(laptop.api.log(DAG, run_id, "train_model", attempt))
    return ""


def test_a_training_outlives_its_worker_and_goes_on_after_an_eviction(laptop, cluster):
    run_id = laptop.trigger(DAG, as_of="2026-02-10")
    laptop.until(lambda: is_at_round(cluster, 200), "it trains", timeout_s=600)
    (pod,) = trainings(cluster)
    cluster.run(pod, "step", ["python", "-c", HALT])
    psutil.Process(laptop.api.tasks(DAG, run_id)["train_model"]["pid"]).kill()
    laptop.until(lambda: "watch it further" in said(laptop, run_id, 2), "the next try has found the pod")
    assert trainings(cluster) == [pod], "the pod outlives its worker, and the next try makes no other"

    body = {"metadata": {"name": pod, "namespace": cluster.namespace}}
    cluster.core.create_namespaced_pod_eviction(pod, cluster.namespace, body)
    assert laptop.api.wait(DAG, run_id, timeout_s=900) == "success", laptop.states(DAG, run_id)
    assert laptop.api.tasks(DAG, run_id)["train_model"]["try_number"] == 3
    assert trainings(cluster) == []

    second, third = (said(laptop, run_id, attempt) for attempt in (2, 3))
    assert "What the container said before this try" in second and "round 200 of" in second
    assert "the pod of train_model was" in second
    assert "from the checkpoint in" in third and "round 200 of" not in third

    model = laptop.api.result(DAG, run_id, "train_model")
    released = laptop.api.result(DAG, run_id, "release")
    assert (model["version"], released["version"], released["outcome"]) == ("1", "1", "RELEASED")
