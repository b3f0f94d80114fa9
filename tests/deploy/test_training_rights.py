"""A training that starts workers as the account ``airloop-training``: its Role has what that asks for, and no more."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.deploy import rendered
from tests.kubernetes_cluster import namespace, workspace_on
from tests.kubernetes_rights import granted, install, under_role

from airloop.cluster import connected
from airloop.cluster.workers import WorkerPods
from airloop.trainers.distributed_workers import Joining, Started

ACCOUNT = "airloop-training"
LOG = {("", "pods/log", "get")}
"""Of workers that ended."""


def training(image: str) -> dict:
    """Return a pod of a training, as confined as a step's; it need not come up."""
    safe = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "training", "labels": {"airloop.dev/task": "t1"}},
        "spec": {
            "securityContext": {"runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "step", "image": image, "securityContext": safe}],
        },
    }


@pytest.mark.kubernetes
def test_a_training_may_start_and_end_its_workers_and_nothing_else(tmp_path: Path):
    with namespace() as own:
        role = rendered.named(install(own), "Role", ACCOUNT)
        workspace = workspace_on(tmp_path, own)
        with connected(workspace) as cluster:
            cluster.apply(training("127.0.0.1:1/none@sha256:" + "0" * 64))
        with under_role(own, tmp_path, ACCOUNT) as used:
            workers = WorkerPods(workspace, "flights", "training", "127.0.0.1", 30.0)
            with workers.started(["0", "1"], Joining("tls://127.0.0.1:1", "cert", "key")) as started:
                assert "cannot be pulled" in wait_for_trouble(started)
    created = {(group, kind, "create") for group, kind, verb in used if verb == "patch"}
    assert used - granted(role) == set()
    assert granted(role) - used - created - LOG == set()


def wait_for_trouble(started: Started) -> str:
    """Return what keeps the workers from coming."""
    until = time.monotonic() + 60
    while not (told := started.trouble(late=True)) or "cannot be pulled" not in told:
        assert time.monotonic() < until, told
        time.sleep(0.5)
    return told
