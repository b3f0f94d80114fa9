"""What a worker's pod is: the training's own pod with another command, and nothing of what that one was handed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airloop.cluster.confined import CONFINED
from airloop.cluster.names import GROUP

CONTAINER = "worker"
JOINING = "joining.json"
_INSIDE = "/airloop"
_SCRATCH = "/tmp"  # noqa: S108  # the pod's own
_TASK = f"{GROUP}/task"
_FIT = f"{GROUP}/fit"
_PLACED = ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "securityContext", "priorityClassName")
"""Of the training's pod: what decides where its workers run, and as whom."""


def worker_pod(ours: Mapping[str, Any], secret: str, name: str) -> dict[str, Any]:
    """Return the pod of the worker ``name`` without its metadata; ``secret`` tells how to join the training."""
    own = ours["spec"]["containers"][0]
    container = {
        "name": CONTAINER,
        "image": own["image"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "airloop.trainers.distributed_process", f"{_INSIDE}/{JOINING}"],
        "env": [
            {"name": "HOME", "value": _SCRATCH},
            {"name": "AIRLOOP_WORKER", "value": name},
            {"name": "AIRLOOP_POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        "resources": own.get("resources", {}),
        "securityContext": CONFINED,
        "volumeMounts": [
            {"name": "scratch", "mountPath": _SCRATCH},
            {"name": "joining", "mountPath": _INSIDE, "readOnly": True},
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [
            {"name": "scratch", "emptyDir": {}},
            {"name": "joining", "secret": {"secretName": secret, "defaultMode": 0o440}},
        ],
        **{key: ours["spec"][key] for key in _PLACED if ours["spec"].get(key)},
    }
    return {"apiVersion": "v1", "kind": "Pod", "spec": spec}


def together(ours: Mapping[str, Any], group: str) -> dict[str, str]:
    """Return the label that a training's own pod and its workers have in common, else one for the workers alone."""
    task = ours["metadata"].get("labels", {}).get(_TASK)
    return {_TASK: task} if task else {_FIT: group}


def network_policy(together: Mapping[str, str]) -> dict[str, Any]:
    """Return a policy that lets pods with the labels ``together`` be reached by each other alone; no metadata."""
    among = {"podSelector": {"matchLabels": dict(together)}}
    spec = {**among, "policyTypes": ["Ingress"], "ingress": [{"from": [among]}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": spec}


def owner(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reference by which the cluster deletes what ``pod`` made once it is gone."""
    named = pod["metadata"]
    return {"apiVersion": "v1", "kind": "Pod", "name": named["name"], "uid": named["uid"]}
