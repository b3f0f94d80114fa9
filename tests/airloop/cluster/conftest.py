"""A namespace of the tests' own on a real cluster, and pods in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.kubernetes_cluster import namespace, workspace_on

from airloop.cluster import Cluster, connected


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with namespace() as name:
        yield workspace_on(tmp_path_factory.mktemp("home"), name)


@pytest.fixture
def cluster(workspace) -> Iterator[Cluster]:
    with connected(workspace) as found:
        yield found


def pod(name: str, image: str, *command: str, labels: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Return a pod as restrictive as ours that runs ``command``; ``more`` is of its container."""
    from airloop.cluster.confined import CONFINED, pod_security

    container = {"name": "main", "image": image, "securityContext": CONFINED, **more}
    spec = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 0,
        "securityContext": pod_security(10001, 10001),
        "containers": [container | ({"command": list(command)} if command else {})],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {}}, "spec": spec}


def wait_for(look: Callable[[], Any], within_s: float = 60.0) -> Any:
    """Return what ``look`` finds, once it does."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    pytest.fail(f"nothing within {within_s:g} s")


def is_running(cluster: Cluster, name: str) -> bool:
    found = cluster.get("v1", "Pod", name)
    return bool(found and found["status"].get("phase") == "Running")
