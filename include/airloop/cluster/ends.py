"""Which containers ended and were started again while their pods went on: what a pod that is ready does not show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airloop.cluster.diagnosis import end_of
from airloop.errors import ClusterRefused

if TYPE_CHECKING:
    from airloop.cluster.connection import Cluster

_BY_THE_NODE = ("ContainerStatusUnknown", "Unknown")
"""What kubelets say of containers that ended while they, or their node, were down."""


def ends_of(cluster: Cluster, of: Mapping[str, str]) -> dict[str, str]:
    """Return why containers ended with an error, by an id that no other end has, in pods that have labels ``of``.

    Evictions and deletions are none: such a pod leaves, and another one comes in its place. Without the right to read
    logs and events less is told.
    """
    pods = [pod for pod in cluster.list("v1", "Pod", of) if not _leaves(pod)]
    return {
        str(ended.get("containerID") or f"{pod['metadata']['uid']} {ended.get('finishedAt')}"): _why(
            cluster, pod, container, ended
        )
        for pod in pods
        for container in pod["status"].get("containerStatuses", ())
        for ended in _failed(container)
    }


def _leaves(pod: Mapping[str, Any]) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp") or pod["status"].get("reason"))


def _failed(container: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for state in (container.get("state", {}), container.get("lastState", {})):
        ended = state.get("terminated")
        if ended and ended["exitCode"] and ended.get("reason") not in _BY_THE_NODE:
            yield ended


def _why(cluster: Cluster, pod: Mapping[str, Any], container: Mapping[str, Any], ended: Mapping[str, Any]) -> str:
    try:
        return end_of(cluster, pod, container, ended, is_looping=False).reason
    except ClusterRefused:
        name, code = pod["metadata"]["name"], ended["exitCode"]
        return f"pod {name}: container {container['name']} ended with exit code {code}"
