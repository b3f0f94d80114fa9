"""A look into an image where there is no Docker engine: a pod that runs one command and ends."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from airloop import cluster
from airloop.cluster.confined import CONFINED, pod_security
from airloop.cluster.diagnosis import trouble_of
from airloop.cluster.server_pod import image_for
from airloop.errors import ClusterRefused, ImageError, Unreachable
from airloop.serving.placing import USER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airloop.cluster import Cluster
    from airloop.workspace import Workspace

LONGEST_S = 300
"""Until the pod has ended, its image pulled and all."""
LOOK_S = 0.3
CONTAINER = "look"
LINES = 1000
"""More than are ever printed: the kubelet breaks long lines."""


def look_in_pod(workspace: Workspace, reference: str, command: Sequence[str]) -> str:
    """Return what ``command`` prints in a pod of the image, which can reach and write nothing; the pod is gone then.

    Raises ImageError with its words when it fails, ClusterRefused when the cluster takes no such pod, Unreachable.
    """
    name = cluster.name_of(workspace, "", "look", secrets.token_hex(4))
    with cluster.connected(workspace) as connection:
        try:
            connection.apply(manifest(workspace, name, reference, command))
            code = _ended(connection, name)
            said = connection.logs(name, CONTAINER, lines=LINES)
        finally:
            connection.delete("v1", "Pod", name, grace_s=0)
    if code:
        raise ImageError(f"image {reference} cannot say what is in it: {said}")
    return said


def manifest(workspace: Workspace, name: str, reference: str, command: Sequence[str]) -> dict[str, Any]:
    """Return the pod."""
    settings, limits = workspace.kubernetes, {"cpu": "500m", "memory": "128Mi"}
    container = {
        "name": CONTAINER,
        "image": image_for(workspace, reference),
        "command": list(command),
        "resources": {"limits": limits, "requests": limits | {"cpu": "50m"}},
        "securityContext": CONFINED,
    }
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": LONGEST_S,
        "serviceAccountName": settings.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(USER, USER),
        "containers": [container],
    }
    if settings.pull_secret:
        spec["imagePullSecrets"] = [{"name": settings.pull_secret}]
    about = {"name": name, "labels": cluster.labels(workspace, "verification")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


def _ended(connection: Cluster, name: str) -> int:
    """Return the exit code of the pod's container, once it has one."""
    until = time.monotonic() + LONGEST_S
    while True:
        pod = connection.get("v1", "Pod", name)
        if pod is None:
            raise Unreachable(f"the pod {name} was deleted while it looked into an image. Try again")
        told: list[dict[str, Any]] = pod["status"].get("containerStatuses") or [{}]
        if "terminated" in (state := told[0].get("state", {})):
            return int(state["terminated"]["exitCode"])
        trouble = None if "running" in state else trouble_of(connection, name)
        if trouble is not None and trouble.is_final:
            raise ClusterRefused(f"an image cannot be looked into: {trouble.reason}")
        if time.monotonic() > until or pod["status"].get("phase") == "Failed":
            why = trouble.reason if trouble else pod["status"].get("message") or f"pod {name} does not end"
            raise Unreachable(f"an image cannot be looked into yet: {why}")
        time.sleep(LOOK_S)
