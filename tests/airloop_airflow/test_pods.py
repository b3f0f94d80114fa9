"""What a step's pod is, offline: its manifest, its Secret, and what its status says."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import kubernetes_validate
import pytest
import yaml
from kubernetes.client import ApiClient

from airloop.errors import StepFailed, StepInterrupted
from airloop.refs import SnapshotRef
from airloop.spec import find
from airloop.spec.model import Step, Toleration
from airloop.steps.elsewhere import TERMINATION_MESSAGE, Errand
from airloop.workspace import Workspace
from airloop_airflow import pod_manifest, pod_outcome
from airloop_airflow.pod_log import sortable
from airloop_airflow.pods import StepPod

VERSIONS = [f"1.{minor}" for minor in range(25, 38)]
SPEC = """\
name: parcels
data:
  source: {path: "s3://rows/date={date}/*.parquet"}
  event_time: sent_at
  label: {column: late}
  train_window: 2d
  holdout_window: 1d
model: {task: binary}
"""
SNAPSHOT = SnapshotRef(digest="s1", uri="x", as_of=datetime(2013, 3, 18, tzinfo=UTC), partitions=3, rows=30)
REMOTE = {
    "AIRLOOP_STORE": "memory://store",
    "AIRLOOP_LEDGER": "postgresql://airloop:hush@db/airloop",
    "AIRLOOP_MLFLOW": "http://mlflow:5000",
    "AIRLOOP_KUBERNETES_NAMESPACE": "models",
}


@pytest.fixture
def workspace_with(tmp_path, monkeypatch):
    """Make a workspace whose connection names a kubeconfig at which nobody answers."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(tmp_path / "kubeconfig")}}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
    folder = tmp_path / "pipelines" / "parcels"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC)

    def make(**settings: str) -> Workspace:
        at = {"AIRLOOP_HOME": str(tmp_path / "home"), "AIRLOOP_PIPELINES": str(tmp_path / "pipelines")}
        return Workspace.from_environment({**at, **settings})

    return make


@pytest.fixture
def pod_of(workspace_with, context_of):
    """Make the pod of a step, as the API server is to get it."""

    def make(*, step: str = "train_model", settings: dict[str, str] | None = None, **limits) -> dict:
        workspace = workspace_with(**(REMOTE if settings is None else settings))
        errand = Errand(step, find("parcels", workspace), {"snapshot": SNAPSHOT}, TERMINATION_MESSAGE)
        limits = Step(on="kubernetes", **{"image": "r.example.com/steps@sha256:abc", **limits})
        pod = StepPod(errand=errand, workspace=workspace, limits=limits, context=context_of(), name="a-pod")
        pod.volumes = [*pod.volumes, pod_manifest.volume_of("a-pod", errand)]
        with ApiClient() as client:
            return client.sanitize_for_serialization(pod.build_pod_request_obj())

    return make


@pytest.fixture
def local(tmp_path):
    """Settings with store, ledger and MLflow in one folder, which a claim holds."""
    shared = tmp_path / "shared"
    databases = {f"AIRLOOP_{name}": f"sqlite:///{shared}/{name.lower()}.db" for name in ("LEDGER", "MLFLOW")}
    return {"AIRLOOP_STORE": str(shared), "AIRLOOP_HOME": f"{shared}/home", **databases} | {
        "AIRLOOP_KUBERNETES_CLAIM": "shared"
    }


GRANTED = {
    "cpus": 0.5,
    "memory": "2GB",
    "gpus": 1,
    "nodes": {"pool": "training"},
    "tolerations": (Toleration(key="gpu"), Toleration(key="spot", operator="Equal", value="yes", effect="NoSchedule")),
}


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_of_kubernetes_takes_the_pod(pod_of, local, version):
    for pod in (pod_of(), pod_of(**GRANTED), pod_of(settings=local)):
        kubernetes_validate.validate(pod, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_of_kubernetes_takes_the_secret(workspace_with, version):
    errand = Errand("train_model", find("parcels", workspace_with()), {"snapshot": SNAPSHOT})
    pod = {"metadata": {"name": "a-pod", "uid": "u-1", "labels": {"x": "y"}}}
    kubernetes_validate.validate(pod_manifest.secret(pod, errand, {}), version, strict=True)


def test_a_pod_keeps_to_the_restricted_profile(pod_of):
    spec = pod_of()["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True and spec["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & {name for name, value in spec.items() if value}
    assert all({"emptyDir", "secret"} & volume.keys() for volume in spec["volumes"])
    assert spec["automountServiceAccountToken"] is False and spec["restartPolicy"] == "Never"


def test_a_pod_gets_what_the_spec_grants(pod_of):
    spec = pod_of(**GRANTED)["spec"]
    assert spec["containers"][0]["resources"] == {
        "requests": {"cpu": "0.5", "memory": "2000000000"},
        "limits": {"cpu": "0.5", "memory": "2000000000", "nvidia.com/gpu": "1"},
    }
    assert spec["nodeSelector"] == {"pool": "training"}
    assert spec["tolerations"] == [
        {"key": "gpu", "operator": "Exists"},
        {"effect": "NoSchedule", "key": "spot", "operator": "Equal", "value": "yes"},
    ]


def test_a_pod_is_found_by_its_task_and_says_which(pod_of):
    noted = pod_of()["metadata"]
    assert noted["labels"]["app.kubernetes.io/component"] == "step" and noted["namespace"] == "models"
    assert noted["labels"]["airloop.dev/step"] == "train_model" and len(noted["labels"]["airloop.dev/task"]) == 32
    said = {name: noted["annotations"][f"airloop.dev/{name}"] for name in ("dag", "run", "task", "map")}
    assert said == {"dag": "parcels.train", "run": "run-1", "task": "a_step", "map": "-1"}


def test_no_secret_is_in_the_pod_but_all_in_what_it_is_handed_in(pod_of, workspace_with):
    pod = pod_of()
    assert "hush" not in json.dumps(pod)
    errand = Errand("train_model", find("parcels", workspace_with(**REMOTE)), {"snapshot": SNAPSHOT})
    secret = pod_manifest.secret({"metadata": {**pod["metadata"], "uid": "u-1"}}, errand, {"AIRLOOP_LEDGER": "hush"})
    assert secret["metadata"]["ownerReferences"] == [{"apiVersion": "v1", "kind": "Pod", "name": "a-pod", "uid": "u-1"}]
    (volume,) = (volume["secret"] for volume in pod["spec"]["volumes"] if "secret" in volume)
    lies = {item["path"]: base64.b64decode(secret["data"][item["key"]]) for item in volume["items"]}
    assert lies.keys() == {"pipelines/parcels/pipeline.yaml", "refs.json", "settings.json"}
    assert json.loads(lies["settings.json"]) == {"AIRLOOP_LEDGER": "hush"} and lies.keys() >= {"refs.json"}


def test_a_pipeline_that_is_too_large_is_refused_with_its_largest_file(workspace_with):
    pipeline = find("parcels", workspace_with())
    (pipeline.folder / "model.bin").write_bytes(b"x" * 900_000)
    pod = {"metadata": {"name": "a-pod", "uid": "u-1", "labels": {}}}
    with pytest.raises(StepFailed, match=r"'parcels' are too large for a pod: .*; the largest is .*/model\.bin"):
        pod_manifest.secret(pod, Errand("train_model", pipeline, {}), {})


def test_a_claim_is_mounted_where_the_store_is_and_hides_the_secrets(pod_of, local):
    spec = pod_of(settings=local)["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts[local["AIRLOOP_STORE"]] == "store" and mounts[f"{local['AIRLOOP_HOME']}/secrets"] == "hidden"
    assert {"name": "store", "persistentVolumeClaim": {"claimName": "shared"}} in spec["volumes"]


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ("AIRLOOP_KUBERNETES_CLAIM", "AIRLOOP_STORE is the folder .* no claim is named that holds the store"),
        ("AIRLOOP_LEDGER", "AIRLOOP_LEDGER is the folder .* the claim 'shared' holds AIRLOOP_STORE, .*/shared, and"),
    ],
)
def test_a_folder_that_no_pod_can_see_is_refused_by_its_setting(pod_of, local, without, words):
    given = {**local, "AIRLOOP_HOME": "/elsewhere"}
    del given[without]
    with pytest.raises(StepFailed, match=f"{words}.*Give a URL that pods"):
        pod_of(settings=given)


def test_only_a_spread_training_may_ask_the_cluster(pod_of, workspace_with):
    folder = workspace_with().pipelines / "parcels"
    (folder / "pipeline.yaml").write_text(SPEC.replace("binary}", "binary, workers: 2}"))
    assert pod_of()["spec"]["automountServiceAccountToken"] is True
    assert pod_of(step="judge_candidate")["spec"]["automountServiceAccountToken"] is False


def status(phase: str = "Running", message: str = "", **state) -> dict:
    return {
        "metadata": {"name": "p"},
        "status": {"phase": phase, "containerStatuses": [{"name": "step", "state": state}], "message": message},
    }


def ended(code: int, **more) -> dict:
    return status("Failed", terminated={"exitCode": code, **more})


@pytest.mark.parametrize(
    ("pod", "kind", "words"),
    [
        (ended(137, reason="OOMKilled"), StepFailed, "needs more memory than runs_on.train_model.memory = 50MB"),
        (ended(137), StepInterrupted, r"ended from outside \(exit code 137\)"),
        (ended(143), StepInterrupted, r"ended from outside \(exit code 143\)"),
        (ended(3), StepFailed, "exit code 3 and no result. It said last: a | b"),
        (ended(128, reason="StartError", message="no such file"), StepFailed, "StartError: no such file"),
        ({"metadata": {}, "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory"}},
         StepInterrupted, "was ended: Evicted: The node was low on memory"),
    ],
)  # fmt: skip
def test_a_pod_that_leaves_nothing_says_why(pod, kind, words):
    assert pod_outcome.has_ended(pod) and pod_outcome.left(pod) is None
    error = pod_outcome.without_a_word(pod, "train_model", Step(on="kubernetes", memory="50MB"), "a | b")
    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error


def test_a_result_counts_even_where_the_pod_was_ended_after_it():
    pod = ended(143, message='{"ref": {"digest": "v1"}}')
    assert pod_outcome.left(pod) == '{"ref": {"digest": "v1"}}'
    assert pod_outcome.left(ended(1, message='"ref"')) is None


@pytest.mark.parametrize(
    ("reason", "message", "is_final"),
    [
        ("ErrImagePull", "failed to resolve reference: not found", True),
        ("ErrImagePull", "dial tcp: connection refused", False),
        ("InvalidImageName", "couldn't parse image reference", True),
        ("CreateContainerConfigError", 'secret "models" not found', True),
        ("ContainerCreating", "", False),
    ],
)
def test_only_what_waiting_cannot_heal_ends_the_wait(reason, message, is_final):
    pod = status("Pending", waiting={"reason": reason, "message": message})
    assert pod_outcome.will_never_begin(pod, "") is is_final and not pod_outcome.has_begun(pod)


def test_the_scheduler_is_quoted():
    pod = {"metadata": {}, "status": {"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}
    ]}}  # fmt: skip
    assert pod_outcome.waits_for(pod) == "Unschedulable: 0/1 nodes are available"


def test_instants_of_a_log_sort_as_text_whatever_their_digits_and_zone():
    said = ["2026-11-23T02:00:01.5+01:00", "2026-11-23T01:00:01.50000001Z", "2026-11-23T01:00:02Z"]
    assert sorted(said, key=sortable) == said
    assert datetime.fromisoformat(sortable(said[0])) - datetime(2026, 11, 23, 1, tzinfo=UTC) == timedelta(seconds=1.5)
