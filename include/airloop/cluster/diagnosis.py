"""Why pods do not come up, in words: what the cluster knows of them, before anybody's patience ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airloop.cluster.connection import Cluster
from airloop.errors import ClusterRefused, Unreachable

LAST_LINES = 12
"""Lines of its log that are told of a container that ended."""
KILLED = (137, 143)
"""Exit codes of a process that somebody else ended."""
_NOT_PULLED = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_NOT_MADE = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError")
_MISSING = re.compile(
    r"not ?found|manifest unknown|does not exist|denied|unauthorized|forbidden|(?<![\w:])40[13]\b|invalid|never",
    re.IGNORECASE,
)
_DENIED = re.compile(r"forbidden|denied|exceeded quota|is invalid", re.IGNORECASE)
_BACKING_OFF = re.compile(r"^(Back-off |Error: (ErrImagePull|ImagePullBackOff)$)")


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not run; ``is_final``: to wait longer cannot help, somebody has to change something."""

    reason: str
    is_final: bool


def trouble_of(cluster: Cluster, of: Mapping[str, str] | str) -> Trouble | None:
    """Return what is wrong with the pods that have labels ``of``, or with the pod of that name; None where nothing is.

    Pods that are ready or leave are well. Raises Unreachable and ClusterRefused.
    """
    if isinstance(of, str):
        pod = cluster.get("v1", "Pod", of)
        found = [_of_pod(cluster, pod)] if pod else []
    else:
        pods, sets = cluster.list("v1", "Pod", of), cluster.list("apps/v1", "ReplicaSet", of)
        found = [_of_replica_set(one) for one in sets] + [_of_pod(cluster, pod) for pod in pods]
    # What somebody has to change comes before what may heal.
    return min(filter(None, found), key=lambda trouble: not trouble.is_final, default=None)


def _of_replica_set(found: Mapping[str, Any]) -> Trouble | None:
    """Return why a ReplicaSet cannot make its pods: a quota, an admission webhook, the namespace's pod security."""
    for condition in found.get("status", {}).get("conditions", ()):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True" and found["spec"].get("replicas"):
            said = condition.get("message", "")
            why = f"{found['metadata']['name']}: the cluster takes no pod of it: {said} ({condition.get('reason')})"
            return Trouble(why, bool(_DENIED.search(said)))
    return None


def _of_pod(cluster: Cluster, pod: Mapping[str, Any]) -> Trouble | None:
    status, name = pod.get("status", {}), pod["metadata"]["name"]
    conditions = {one["type"]: one for one in status.get("conditions", ())}
    if conditions.get("Ready", {}).get("status") == "True" or "deletionTimestamp" in pod["metadata"]:
        return None
    if status.get("phase") == "Failed" and status.get("reason"):
        # A controller makes another one in the place of this.
        said = status.get("message", "")
        return Trouble(f"pod {name}: {status['reason']}: {said}", "ownerReferences" not in pod["metadata"])
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        # A node may be on its way.
        said = f"no node takes it ({scheduled.get('reason')}): {scheduled.get('message', '')}"
        return Trouble(f"pod {name}: {said}", is_final=False)
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    for container in containers:
        trouble = _of_container(cluster, pod, container)
        if trouble:
            return trouble
    event = _event(cluster, pod) if status.get("phase") == "Pending" or containers else ""
    return Trouble(f"pod {name}: {event}", is_final=False) if event else None


def _of_container(cluster: Cluster, pod: Mapping[str, Any], container: Mapping[str, Any]) -> Trouble | None:
    name, waiting = pod["metadata"]["name"], container["state"].get("waiting", {})
    reason, said = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _NOT_PULLED:
        cause = said if said and not _BACKING_OFF.search(said) else _event(cluster, pod) or said
        why = f"pod {name}: image {container['image']} cannot be pulled ({reason}): {cause}"
        return Trouble(
            why, bool(_MISSING.search(cause.replace(container["image"], "")) or reason == "InvalidImageName")
        )
    if reason in _NOT_MADE:
        why = f"pod {name}: container {container['name']} cannot be made ({reason}): {said or _event(cluster, pod)}"
        return Trouble(why, reason != "CreateContainerError")
    ended = container["state"].get("terminated") or container.get("lastState", {}).get("terminated")
    if ended and (ended["exitCode"] or reason == "CrashLoopBackOff"):
        return end_of(cluster, pod, container, ended, is_looping=reason == "CrashLoopBackOff")
    return None


def end_of(
    cluster: Cluster,
    pod: Mapping[str, Any],
    container: Mapping[str, Any],
    ended: Mapping[str, Any],
    *,
    is_looping: bool,
) -> Trouble:
    """Return why a container of ``pod`` ``ended``, with its last words."""
    name, code, times = pod["metadata"]["name"], ended["exitCode"], container.get("restartCount", 0)
    lines = _last_lines(cluster, name, container, ended)
    again = f", started again {times} times (CrashLoopBackOff)" if is_looping else ""
    if ended.get("reason") == "OOMKilled":
        limit = _memory_of(pod, container["name"])
        why = f"container {container['name']} needs more memory than its limit, {limit} (OOMKilled){again}"
        return Trouble(f"pod {name}: {why}. It said last: {lines}", is_final=True)
    event = f" {told}." if code in KILLED and (told := _event(cluster, pod)) else ""
    why = f"container {container['name']} ended with exit code {code}{again}.{event} It said last: {lines}"
    return Trouble(f"pod {name}: {why}", is_looping or code not in KILLED)


def _last_lines(cluster: Cluster, pod: str, container: Mapping[str, Any], ended: Mapping[str, Any]) -> str:
    try:
        runs = "running" in container["state"]
        said = cluster.logs(pod, container["name"], lines=LAST_LINES, is_previous=runs)
    except (ClusterRefused, Unreachable):
        said = ""  # the kubelet has thrown it away already
    return said or ended.get("message", "").strip() or "nothing"


def _memory_of(pod: Mapping[str, Any], container: str) -> str:
    limits = {one["name"]: one.get("resources", {}).get("limits", {}) for one in pod["spec"]["containers"]}
    return str(limits.get(container, {}).get("memory", "the node's"))


def _event(cluster: Cluster, pod: Mapping[str, Any]) -> str:
    """Return the newest warning about a pod, ``reason: message``, "" where there is none."""
    about = {"involvedObject.uid": pod["metadata"]["uid"], "type": "Warning"}
    told = [event for event in cluster.list("v1", "Event", {}, about) if not _is_noise(event)]
    newest = max(told, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "", default=None)
    return f"{newest['reason']}: {newest['message'].strip()}" if newest else ""


def _is_noise(event: Mapping[str, Any]) -> bool:
    return event["reason"] == "MissingClusterDNS" or bool(_BACKING_OFF.search(event["message"]))
