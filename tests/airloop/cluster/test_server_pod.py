"""What a server's pod is made of; nothing is started here."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace

import kubernetes_validate
import pytest

from airloop.cluster import labels
from airloop.cluster.server_pod import PodServer, image_for, pod_spec
from airloop.errors import ImageError
from airloop.serving import proof
from airloop.serving.tokens import Tokens
from airloop.spec.model import Serving
from airloop.workspace import Workspace

IMAGE = "registry.example/models/churn@sha256:" + "5a" * 32
TOKENS = Tokens("may infer", "may administer")
SERVER = PodServer("stack-churn--5a5a", "churn", "7", "b" * 64, IMAGE)
VERSIONS = [f"1.{minor}" for minor in range(25, 38)]


def workspace_with(home, **environ):
    given = {"AIRLOOP_HOME": str(home), "AIRLOOP_PREFIX": "stack", "AIRLOOP_REGISTRY": "registry.example/models"}
    return Workspace.from_environment(given | {f"AIRLOOP_{name}": value for name, value in environ.items()})


@pytest.fixture
def workspace(tmp_path):
    return workspace_with(tmp_path, STORE="memory://bucket")


@pytest.fixture
def with_claim(tmp_path):
    return workspace_with(
        tmp_path,
        KUBERNETES_CLAIM="airloop-store",
        KUBERNETES_SECRET="store-keys",
        KUBERNETES_PULL_SECRET="registry-login",
        KUBERNETES_SERVICE_ACCOUNT="airloop-server",
    )


def container_of(spec):
    (container,) = spec["containers"]
    return container


def environment_of(spec):
    return {one["name"]: one["value"] for one in container_of(spec)["env"]}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_current_kubernetes_takes_the_pod(workspace, with_claim, version):
    for each, role in itertools.product((workspace, with_claim), ("server", "verification")):
        spec = pod_spec(each, Serving(), SERVER, TOKENS, role=role)
        named = labels(each, role, "churn", version="7", bundle=SERVER.bundle)
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": SERVER.name, "labels": named}, "spec": spec}
        kubernetes_validate.validate(pod, version, strict=True)


def test_a_server_may_do_nothing_but_answer(workspace):
    spec = pod_spec(workspace, Serving(), SERVER, TOKENS)
    assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
    assert spec["serviceAccountName"] == "default"
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container_of(spec)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    writable = {one["mountPath"] for one in container_of(spec)["volumeMounts"]}
    assert writable == {"/tmp", "/var/lib/airloop"}  # noqa: S108  # the pod's own
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)


def test_what_it_may_use_is_the_specs(workspace):
    given = container_of(pod_spec(workspace, Serving(cpus=0.5, memory="256MB"), SERVER, TOKENS))["resources"]
    assert given == {
        "limits": {"cpu": "500m", "memory": "256000000"},
        "requests": {"cpu": "125m", "memory": "256000000"},
    }
    least = container_of(pod_spec(workspace, Serving(cpus=0.001), SERVER, TOKENS))["resources"]
    assert least["requests"]["cpu"] == "1m"


def test_it_serves_one_bundle_and_leaves_slowly(workspace):
    spec = pod_spec(workspace, Serving(), SERVER, TOKENS)
    container = container_of(spec)
    assert container["image"] == IMAGE
    assert container["args"] == (
        ["--bundle", "/opt/airloop/bundle", "--digest", "b" * 64, "--host", "0.0.0.0", "--port", "8080"]  # noqa: S104
    )
    slept = container["lifecycle"]["preStop"]["exec"]["command"]
    assert slept == ["python", "-c", "import time; time.sleep(5)"]
    # Five seconds as if nothing were, what is being answered, then the prediction log.
    assert spec["terminationGracePeriodSeconds"] == 5 + 30 + 10


def test_it_is_looked_at_often_and_restarted_seldom(workspace):
    container = container_of(pod_spec(workspace, Serving(), SERVER, TOKENS))
    startup, ready, live = (container[f"{name}Probe"] for name in ("startup", "readiness", "liveness"))
    assert startup["httpGet"] == ready["httpGet"] == {"path": "/v2/health/ready", "port": 8080}
    assert live["httpGet"] == {"path": "/v2/health/live", "port": 8080}
    assert startup["periodSeconds"] * startup["failureThreshold"] == 90
    assert ready["periodSeconds"] == 1
    assert live["periodSeconds"] * live["failureThreshold"] >= 30


def test_servers_of_a_pipeline_wish_to_be_on_different_nodes(workspace):
    (spread,) = pod_spec(workspace, Serving(), SERVER, TOKENS)["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    wanted = spread["labelSelector"]["matchLabels"]
    assert wanted.items() <= labels(workspace, "server", "churn", version="7").items()


def test_no_token_is_in_a_manifest(workspace):
    spec = pod_spec(workspace, Serving(), SERVER, TOKENS)
    assert "may infer" not in json.dumps(spec) and "may administer" not in json.dumps(spec)
    hashed = hashlib.sha256(b"may administer").hexdigest()
    assert environment_of(spec)["AIRLOOP_ADMIN_TOKEN_SHA256"] == hashed


def test_the_proof_travels_with_it(tmp_path):
    workspace = workspace_with(tmp_path, KUBERNETES_CLAIM="airloop-store")
    shown = proof.Proof(arrays=True, forest=True, rows=10)
    proof.keep(workspace.store, "b" * 64, shown)
    assert proof.VARIABLE in environment_of(pod_spec(workspace, Serving(), SERVER, TOKENS))


def test_a_remote_log_needs_a_url_and_credentials(tmp_path):
    workspace = workspace_with(tmp_path, STORE="memory://bucket", KUBERNETES_SECRET="store-keys")
    spec = pod_spec(workspace, Serving(), SERVER, TOKENS)
    assert environment_of(spec)["AIRLOOP_STORE"] == "memory://bucket"
    assert container_of(spec)["envFrom"] == [{"secretRef": {"name": "store-keys"}}]


def test_a_log_in_a_claim_is_the_pipelines_own_folder(with_claim, tmp_path):
    spec = pod_spec(with_claim, Serving(), SERVER, TOKENS)
    assert spec["volumes"][-1] == {"name": "store", "persistentVolumeClaim": {"claimName": "airloop-store"}}
    assert container_of(spec)["volumeMounts"][-1] == {
        "name": "store",
        "mountPath": "/opt/airloop/store/predictions/churn",
        "subPath": "predictions/churn",
    }
    assert environment_of(spec)["AIRLOOP_STORE"] == "/opt/airloop/store"
    assert (tmp_path / "store" / "predictions" / "churn").is_dir()
    assert spec["imagePullSecrets"] == [{"name": "registry-login"}]
    assert spec["serviceAccountName"] == "airloop-server"


def test_a_log_that_has_no_place_is_refused(tmp_path):
    workspace = workspace_with(tmp_path)
    with pytest.raises(ImageError, match=r"is a folder that no pod sees.*AIRLOOP_KUBERNETES_CLAIM"):
        pod_spec(workspace, Serving(), SERVER, TOKENS)
    assert "--no-log" in container_of(pod_spec(workspace, Serving(log_predictions=False), SERVER, TOKENS))["args"]


def test_a_server_under_verification_has_no_log_and_no_credentials(with_claim):
    live = pod_spec(with_claim, Serving(), SERVER, TOKENS)
    checked = pod_spec(with_claim, Serving(), SERVER, TOKENS, role="verification")
    one, other = container_of(live), container_of(checked)
    assert other["args"] == [*one["args"], "--no-log"] and "envFrom" not in other
    assert "AIRLOOP_STORE" not in environment_of(checked)
    same = set(one) - {"args", "env", "envFrom", "volumeMounts"}
    assert {name: one[name] for name in same} == {name: other[name] for name in same}
    assert live["securityContext"] == checked["securityContext"]


def test_nodes_may_call_the_registry_otherwise(workspace):
    assert image_for(workspace, IMAGE) == IMAGE
    other = replace(workspace, kubernetes=replace(workspace.kubernetes, registry="registry.cluster:5000/models"))
    assert image_for(other, IMAGE) == "registry.cluster:5000/models/churn@sha256:" + "5a" * 32
    assert image_for(other, IMAGE.replace("/models/", "/else/")) == IMAGE.replace("/models/", "/else/")


@pytest.mark.parametrize("reference", ["sha256:" + "5a" * 32, "registry.example/churn:latest", "churn@sha256:abc"])
def test_an_image_that_nodes_cannot_pull_by_digest_is_refused(workspace, reference):
    with pytest.raises(ImageError, match=f"image '{reference}': a cluster's nodes pull images by digest"):
        image_for(workspace, reference)
