"""Verification in a pod of a real cluster, without a Docker engine; whatever happens the pod is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import kubernetes_validate
import pytest
from tests.kubernetes_cluster import namespace, workspace_on

from airloop import cluster, images
from airloop.bundle.locked import requirements
from airloop.cluster.server_pod import PodServer
from airloop.errors import ClusterRefused, ImageError, Unreachable
from airloop.serving.tokens import Tokens
from airloop.spec.gates import LimitGate
from airloop.spec.model import Release, Serving
from airloop.verification import pods_left, verify
from airloop.verification.pod import manifest, running_pod
from airloop.verification.replay import replay

pytestmark = pytest.mark.timeout(600)  # the first test may have to build the base image, and push it

on_cluster = pytest.mark.kubernetes
NOBODY = "tcp://127.0.0.1:9"
LIMITS = {"latency_p99_ms": 1_000, "bundle_mb": 5, "start_s": 60, "memory_mb": 256, "image_mb": 2_000}
SERVING = Serving(cpus=0.5, memory="256MB")
VERSIONS = [f"1.{minor}" for minor in range(25, 38)]


@pytest.fixture(scope="module")
def own_namespace():
    with namespace() as name:
        yield name


@pytest.fixture(scope="module")
def workspace(own_namespace, tmp_path_factory):
    return workspace_on(tmp_path_factory.mktemp("home"), own_namespace)


@pytest.fixture(scope="module")
def packaged(kit, workspace):
    """A bundle and the image made of it, in the registry."""
    bundle = kit.write_bundle(workspace.store, proved=False, requirements=requirements(with_pandas=False))
    return bundle, images.build(workspace, bundle.pipeline, bundle)


@pytest.fixture
def no_engine(packaged, monkeypatch):
    """No Docker engine answers from here on."""
    monkeypatch.setenv("DOCKER_HOST", NOBODY)


def spec(*limits, **serving):
    """Return a pipeline of which verification sees gates, limits and the target."""
    gates = tuple(LimitGate(**given) for given in limits)
    release = Release(target="kubernetes")
    return SimpleNamespace(
        spec=SimpleNamespace(gates=gates, serving=Serving(**{"memory": "256MB", **serving}), release=release)
    )


def left(workspace):
    """Return the pods of verifications that are there, and not on their way out."""
    with cluster.connected(workspace) as connection:
        found = connection.list("v1", "Pod", cluster.labels(workspace, "verification"))
    return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_pod_is_one_that_clusters_take_and_is_never_started_again(kit, version, tmp_path):
    workspace = workspace_on(tmp_path, "models")
    image = f"{workspace.registry}/flights@sha256:{'0' * 64}"
    server = PodServer("verify-1", "flights", "1", "a" * 64, image)
    pod = manifest(workspace, SERVING, server, Tokens("admin-token", "infer-token"))
    kubernetes_validate.validate(pod, version, strict=True)
    assert (pod["spec"]["restartPolicy"], pod["spec"]["activeDeadlineSeconds"]) == ("Never", 900)
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["containers"][0]["image"] == image
    assert "-token" not in str(pod)


@on_cluster
def test_the_image_that_ships_passes_without_an_engine_and_is_not_verified_twice(workspace, packaged, no_engine):
    bundle, image = packaged
    name, result = verify(workspace, spec(LIMITS), bundle.digest, image.reference)
    assert (result.passed, result.reasons, result.image) == (True, (), image.reference)
    assert result.largest_difference == 0.0 and result.ways == "arrays, forest"
    assert result.user == "10001"
    assert {"/tmp", "/var/lib/airloop"} <= set(result.writable)  # noqa: S108
    assert 0 < result.latency_p50_ms <= result.latency_p99_ms
    assert 100 < result.image_mb < 1_000 and 10 < result.memory_mb < 256 and 0.1 < result.start_s < 60
    assert left(workspace) == []
    again = verify(workspace, spec(LIMITS), bundle.digest, image.reference)
    assert again == (name, result), "measured anew, its times would differ"


@on_cluster
def test_limits_decide(workspace, packaged):
    bundle, image = packaged
    tight = spec({"start_s": 0.01}, {"memory_mb": 1, "image_mb": 1}, {"latency_p99_ms": 0.001, "mode": "shadow"})
    _, result = verify(workspace, tight, bundle.digest, image.reference)
    assert not result.passed
    said = [reason.partition(" is above ")[2] for reason in result.reasons]
    assert said == ["0.01 s", "1 MB", "1 MB", "0.001 ms"]
    assert left(workspace) == []


@on_cluster
def test_a_server_that_needs_more_memory_than_it_gets_is_a_reason(workspace, packaged):
    bundle, image = packaged
    _, result = verify(workspace, spec(memory="24MB"), bundle.digest, image.reference)
    assert not result.passed
    assert "it needed more memory than serving.memory allows, 24MB" in result.reasons[0]
    assert left(workspace) == []


@on_cluster
def test_wrong_golden_answers_are_a_reason(kit, workspace):
    bundle = kit.write_bundle(workspace.store, expected=[0.1] * 5, requirements=requirements(with_pandas=False))
    image = images.build(workspace, bundle.pipeline, bundle)
    _, result = verify(workspace, spec(), bundle.digest, image.reference)
    assert not result.passed
    assert "the server died at its start (exit code 1)" in result.reasons[0] and "golden" in result.reasons[0]
    assert left(workspace) == []


@on_cluster
def test_an_image_of_another_bundle_is_refused(kit, workspace, packaged):
    other = kit.write_bundle(workspace.store, "3", requirements=requirements(with_pandas=False))
    with pytest.raises(ImageError, match=f"holds bundle {packaged[0].digest[:12]}, not {other.digest[:12]}"):
        verify(workspace, spec(), other.digest, packaged[1].reference)


@on_cluster
def test_a_pod_that_somebody_deletes_is_no_verdict(workspace, packaged):
    bundle, image = packaged
    with (
        pytest.raises(Unreachable, match="was deleted while it was asked, not by itself"),
        running_pod(workspace, SERVING, bundle, image.reference) as server,
        cluster.connected(workspace) as connection,
    ):
        (name,) = left(workspace)
        connection.delete("v1", "Pod", name, grace_s=0)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            replay(server, bundle)
    assert left(workspace) == []


@on_cluster
def test_a_pod_for_which_there_is_no_room_is_told_in_the_scheduler_s_words(workspace, packaged):
    bundle, image = packaged
    with (
        pytest.raises(Unreachable, match=r"cannot be verified yet, after 2 s: .*Insufficient cpu"),
        running_pod(workspace, Serving(cpus=4000), bundle, image.reference, placed_s=2),
    ):
        pass
    assert left(workspace) == []


@on_cluster
def test_a_quota_is_told_and_nothing_is_left(workspace, packaged):
    bundle, image = packaged
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    with cluster.connected(workspace) as connection:
        connection.apply(quota)
        awaited(lambda: connection.get(quota).get("status", {}).get("hard"))
        try:
            with pytest.raises(ClusterRefused, match=r"exceeded quota: none"):
                verify(workspace, spec(LIMITS, cpus=0.4), bundle.digest, image.reference)
        finally:
            connection.delete("v1", "ResourceQuota", "none")
    assert left(workspace) == []


@on_cluster
def test_what_a_killed_verification_leaves_is_swept(workspace, packaged, tmp_path):
    bundle, image = packaged
    script = (
        "import time\n"
        "from pathlib import Path\n"
        "from airloop.bundle import open_bundle\n"
        "from airloop.spec.model import Serving\n"
        "from airloop.verification.pod import running_pod\n"
        "from airloop.workspace import Workspace\n"
        "workspace = Workspace.from_environment()\n"
        f"bundle = open_bundle(workspace, {bundle.digest!r})\n"
        f"with running_pod(workspace, Serving(memory='256MB'), bundle, {image.reference!r}):\n"
        f"    Path({str(tmp_path / 'up')!r}).touch()\n"
        "    time.sleep(60)\n"
    )
    env = os.environ | {
        "AIRLOOP_HOME": str(workspace.home),
        "AIRLOOP_PREFIX": workspace.prefix,
        "AIRLOOP_REGISTRY": workspace.registry,
        "AIRLOOP_KUBERNETES_NAMESPACE": workspace.kubernetes.namespace,
        "AIRLOOP_KUBERNETES_REGISTRY": workspace.kubernetes.registry,
        "PYTHONPATH": "include",
    }
    parent = subprocess.Popen([sys.executable, "-c", script], env=env, cwd=Path(__file__).parents[3])
    try:
        awaited(lambda: (tmp_path / "up").exists() or parent.poll() is not None)
        (name,) = left(workspace)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    with cluster.connected(workspace) as connection:
        assert pods_left.sweep(connection, workspace) == []  # too young to be sure that it is nobody's
        assert pods_left.sweep(connection, workspace, old_s=-5) == [name]
    assert left(workspace) == []


def awaited(is_true):
    deadline = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
