"""Workers of a spread training as pods: what they are, and that they fit, on a real cluster."""

from __future__ import annotations

import base64
import json
import os
import socket
from datetime import timedelta

import kubernetes_validate
import numpy as np
import pytest
from tests.deploy import rendered
from tests.kubernetes_cluster import namespace, workspace_on
from tests.kubernetes_rights import granted, install, under_role

from airloop.cluster import connected, labels
from airloop.cluster.workers import WorkerPods, worker_pods
from airloop.errors import ClusterRefused
from airloop.spec import Pipeline, Spec
from airloop.spec.model import Model
from airloop.trainers import find, spread
from airloop.trainers.checkpoint import Checkpoints
from airloop.trainers.distributed_workers import Joining
from airloop.trainers.protocol import Rows, TrainingData
from airloop.workspace import Workspace

VERSIONS = [f"1.{minor}" for minor in range(25, 38)]
ACCOUNT = "airloop-training"
IN_TROUBLE = {("", "events", "list"), ("", "pods/log", "get")}
"""Asked for where a pod does not start, or ended."""
JOIN = Joining("tls://10.0.0.1:8786", "a certificate", "a private key")
SPEC = {
    "name": "flights",
    "data": {"source": {"path": "x/{date}.csv"}, "event_time": "at", "label": {"column": "late"}},
    "model": {"task": "binary", "workers": 2},
    "runs_on": {"train_model": {"on": "kubernetes", "start_within": "3m"}},
}


def training_pod(image: str, **metadata) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "training", "uid": "u-1", **metadata},
        "spec": {
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "nodeSelector": {"pool": "training"},
            "containers": [
                {
                    "name": "step",
                    "image": image,
                    "env": [{"name": "PASSWORD", "value": "do not copy"}],
                    "resources": {"limits": {"cpu": "2", "memory": "4000000000"}},
                }
            ],
        },
    }


@pytest.fixture
def manifests(tmp_path):
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path), "AIRLOOP_PREFIX": "stack"})
    pods = WorkerPods(workspace, "flights", "training", "10.0.0.1", 180)
    ours = training_pod("registry.example/steps@sha256:5a", labels={"airloop.dev/task": "t1"})
    return pods._manifests("stack-flights--fit--1", ours, ["0", "1"], JOIN)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_of_kubernetes_takes_them(manifests, version):
    assert [one["kind"] for one in manifests] == ["Secret", "NetworkPolicy", "Pod", "Pod"]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_worker_is_like_the_training_and_gets_nothing_that_it_was_handed(manifests):
    pod = manifests[-1]
    container = pod["spec"]["containers"][0]
    assert (pod["metadata"]["name"], container["image"]) == (
        "stack-flights--fit--1-1",
        "registry.example/steps@sha256:5a",
    )
    assert container["resources"] == {"limits": {"cpu": "2", "memory": "4000000000"}}
    assert pod["spec"]["nodeSelector"] == {"pool": "training"}
    assert [each["name"] for each in container["env"]] == ["HOME", "AIRLOOP_WORKER", "AIRLOOP_POD_IP"]
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_all_goes_with_the_training_and_the_key_is_in_the_secret_alone(manifests):
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "training", "uid": "u-1"}
    assert all(one["metadata"]["ownerReferences"] == [owner] for one in manifests)
    told = json.loads(base64.b64decode(manifests[0]["data"]["joining.json"]))
    assert told == {"scheduler": JOIN.scheduler, "cert": JOIN.cert, "key": JOIN.key}
    assert JOIN.key not in json.dumps(manifests[1:])


def test_only_the_training_and_its_workers_reach_each_other(manifests):
    task = {"podSelector": {"matchLabels": {"airloop.dev/task": "t1"}}}
    assert manifests[1]["spec"] == {**task, "policyTypes": ["Ingress"], "ingress": [{"from": [task]}]}
    assert all(one["metadata"]["labels"]["airloop.dev/task"] == "t1" for one in manifests)
    assert all(one["metadata"]["labels"]["airloop.dev/role"] == "worker" for one in manifests)


def test_a_training_in_a_pod_has_pods_and_another_has_none(tmp_path):
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)})
    pipeline = Pipeline(Spec.model_validate(SPEC), tmp_path)
    found = worker_pods(workspace, pipeline, {"AIRLOOP_POD": "training", "AIRLOOP_POD_IP": "10.0.0.1"})
    assert found == WorkerPods(workspace, "flights", "training", "10.0.0.1", timedelta(minutes=3).total_seconds())
    assert worker_pods(workspace, pipeline, {}) is None


@pytest.fixture
def on_cluster(tmp_path):
    with namespace() as name:
        yield workspace_on(tmp_path, name)


@pytest.mark.kubernetes
def test_without_its_own_pod_there_is_nobody_to_own_workers(on_cluster):
    pods = WorkerPods(on_cluster, "flights", "training", "10.0.0.1", 60)
    with pytest.raises(ClusterRefused, match=r"there is no pod training in namespace airloop-test-.*, and so no wor"):
        pods.started(["0"], JOIN).__enter__()


@pytest.mark.kubernetes
@pytest.mark.timeout(900)
def test_pods_fit_what_one_machine_fits_also_when_one_is_deleted(on_cluster, tmp_path):
    from airloop import images
    from airloop.cluster.server_pod import image_for

    pods = WorkerPods(on_cluster, "flights", "training", _address_for_pods(), 240)
    data = _rows()
    wanted = Model(task="binary", rounds=12, early_stopping=12, checkpoint_every=4, replicates=0, threads=1, workers=2)
    with connected(on_cluster) as cluster:
        own = training_pod(image_for(on_cluster, images.steps(on_cluster, pushed=True)))
        own["metadata"] = {"name": "training", "labels": labels(on_cluster, "step", "flights", task="t1")}
        del own["spec"]["nodeSelector"]
        limits = {"cpu": "500m", "memory": "600Mi"}
        own["spec"]["containers"][0] |= {"command": ["sleep", "900"], "resources": {"limits": limits}}
        own["spec"]["containers"][0]["securityContext"] = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        cluster.apply(own)

        class Deleting(Checkpoints):
            deleted = ""

            def write(self, name: str, packed: bytes) -> None:
                super().write(name, packed)
                if not self.deleted:
                    found = cluster.list("v1", "Pod", labels(on_cluster, "worker", "flights"))
                    self.deleted = found[1]["metadata"]["name"]
                    cluster.delete("v1", "Pod", self.deleted, grace_s=0)

        install(cluster.namespace)
        checkpoints = Deleting(tmp_path / "pods")
        with under_role(cluster.namespace, tmp_path, ACCOUNT) as used:
            fitted = spread("xgboost", pods).fit(data, wanted, checkpoints)
        left = [one for one in cluster.list("v1", "Pod", {}) if "deletionTimestamp" not in one["metadata"]]
        secrets_left = cluster.list("v1", "Secret", labels(on_cluster, "worker", "flights"))
    assert checkpoints.deleted.endswith("-1")
    given = granted(rendered.named(rendered.into(on_cluster.kubernetes.namespace, "base"), "Role", ACCOUNT))
    # The list is the test's own. The API server wants `create` beside `patch` where what is applied is not there yet.
    asked = used - {("", "pods", "list")}
    assert asked - given == set()
    assert given - asked - {(group, kind, "create") for group, kind, verb in asked if verb == "patch"} <= IN_TROUBLE
    alone = find("xgboost").fit(data, wanted, Checkpoints(tmp_path / "alone"))
    np.testing.assert_allclose(fitted.predict(data.fit.matrix), alone.predict(data.fit.matrix), atol=2e-6)
    assert [one["metadata"]["name"] for one in left] == ["training"]
    assert secrets_left == []


def _rows() -> TrainingData:
    random = np.random.default_rng(0)
    matrix = random.integers(0, 9, (3000, 4)).astype(np.float32)
    label = (matrix[:, 0] + random.normal(size=3000) > 4).astype(np.float32)
    hashes = np.arange(3000, dtype=np.uint64)
    fit, watch = (Rows(matrix[part], label[part], hashes[part]) for part in (slice(0, 2500), slice(2500, None)))
    return TrainingData(("a", "b", "c", "kind"), (False, False, False, True), 2, fit, watch)


def _address_for_pods() -> str:
    """Return this machine's address on the way to the cluster's pods."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect((os.environ.get("TEST_POD_NETWORK", "10.244.0.2"), 9))
        return str(asking.getsockname()[0])
