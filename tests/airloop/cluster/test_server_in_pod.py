"""A real server in a real pod: it comes up, answers through the API server, and leaves without losing a request."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from tests.airloop.release.rigs import model_bundle

from airloop import images
from airloop.bundle import open_bundle
from airloop.cluster import labels, name_of, server_pod
from airloop.cluster.diagnosis import trouble_of
from airloop.serving.refusal import Refusal
from airloop.serving.tokens import Tokens
from airloop.spec.model import Serving

from .conftest import wait_for

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(420)]
TOKENS = Tokens("may infer", "may administer")
SERVING = Serving(log_predictions=False)


@pytest.fixture(scope="module")
def server(workspace):
    bundle = model_bundle(workspace, 1)
    image = images.build(workspace, "flights", open_bundle(workspace, bundle.digest)).reference
    return server_pod.PodServer(name_of(workspace, "flights", "1"), "flights", bundle.version, bundle.digest, image)


@pytest.fixture
def running(cluster, workspace, server):
    """Give the name of a server's pod that is ready; it is gone afterwards."""
    named = labels(workspace, "server", "flights", version=server.version)
    spec = server_pod.pod_spec(workspace, SERVING, server, TOKENS)
    metadata = {"name": server.name, "labels": named}
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    wait_for(lambda: is_ready(cluster, server.name), 120)
    yield server.name
    cluster.delete("v1", "Pod", server.name, grace_s=0)
    wait_for(lambda: cluster.get("v1", "Pod", server.name) is None)


def is_ready(cluster, name):
    conditions = cluster.get("v1", "Pod", name)["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def end_of(cluster, name):
    """Return "gone", or the exit code of a pod's container as text, None while it runs."""
    found = cluster.get("v1", "Pod", name)
    if found is None:
        return "gone"
    ended = found["status"]["containerStatuses"][0]["state"].get("terminated")
    return ended and str(ended["exitCode"])


def test_it_answers_through_the_api_server(cluster, running, server):
    assert trouble_of(cluster, running) is None
    before = cluster.calls
    with cluster.door(running, TOKENS.admin) as door:
        assert door.ready()
        assert door.get_state("flights")["champion"]["bundle"] == server.bundle
        assert door.recount("flights")["champion"]["version"] == server.version
        assert door.infer("flights", [{"x": 0.5}])["outputs"]
        assert "airloop_requests" in door.metrics()
    assert cluster.calls - before == 6  # one more asks what the model takes
    with cluster.door(running, "wrong") as door, pytest.raises(Refusal, match="token"):
        door.get_state("flights")
    with cluster.door(running, TOKENS.infer) as door, pytest.raises(Refusal, match="token"):
        door.get_state("flights")


def test_it_runs_as_nobody_and_writes_nowhere(cluster, running):
    code, said = cluster.run(running, "server", ["id", "-u"])
    assert (code, said.strip()) == (0, "10001")
    code, said = cluster.run(running, "server", ["sh", "-c", "touch /opt/airloop/x"])
    assert code != 0 and "Read-only file system" in said
    code, said = cluster.run(running, "server", ["sh", "-c", "ls /var/run/secrets/kubernetes.io"])
    assert code != 0 and "No such file" in said


def test_it_goes_on_answering_while_it_leaves(cluster, running):
    answered = 0
    with closing(cluster.door(running, TOKENS.admin)) as door:
        told = time.monotonic()
        cluster.delete("v1", "Pod", running)
        while time.monotonic() < told + 4:
            assert door.infer("flights", [{"x": 0.5}])["outputs"]
            answered += 1
    assert answered > 3
    # Gone, or done before its grace ended: a server that had to be killed says 137.
    assert wait_for(lambda: end_of(cluster, running), 90) in ("gone", "0")
