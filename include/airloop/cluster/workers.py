"""Workers of a spread training that are pods: like the training's own pod, which owns them and what they need."""

from __future__ import annotations

import base64
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airloop.cluster.connection import Cluster, connected
from airloop.cluster.diagnosis import trouble_of
from airloop.cluster.names import labels, name_of
from airloop.cluster.worker_pod import JOINING, network_policy, owner, together, worker_pod
from airloop.errors import ClusterRefused, Unreachable

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.trainers.distributed_workers import Joining, Started
    from airloop.workspace import Workspace

_LOOK_S = 1.0
"""Between two questions to the API server about the same pods."""


@dataclass(frozen=True)
class WorkerPods:
    """Starts pods of the image, and with the limits, of the pod that this process runs in."""

    workspace: Workspace
    pipeline: str
    pod: str
    """Name of the training's own pod."""
    host: str
    start_within_s: float
    are_here: bool = False

    @contextmanager
    def started(self, names: Sequence[str], joining: Joining) -> Iterator[Started]:
        """Give pods; they are deleted when the block ends, and by the cluster if we are.

        Raises ClusterRefused and Unreachable.
        """
        with connected(self.workspace) as cluster, ExitStack() as made:
            ours = cluster.get("v1", "Pod", self.pod)
            if ours is None:
                raise ClusterRefused(f"there is no pod {self.pod} in namespace {cluster.namespace}, and so no workers")
            group = name_of(self.workspace, self.pipeline, "fit", secrets.token_hex(4))
            manifests = self._manifests(group, ours, names, joining)
            for manifest in manifests:
                # In the stack before it is there: an answer that is lost leaves nothing behind.
                made.callback(_delete, cluster, manifest)
                cluster.apply(manifest)
            yield _Pods(cluster, [one["metadata"]["name"] for one in manifests if one["kind"] == "Pod"])

    def _manifests(
        self, group: str, ours: Mapping[str, Any], names: Sequence[str], joining: Joining
    ) -> list[dict[str, Any]]:
        marked = labels(self.workspace, "worker", self.pipeline, fit=group) | together(ours, group)
        metadata = {"labels": marked, "ownerReferences": [owner(ours)]}
        told = base64.b64encode(joining.for_worker().encode()).decode()
        secret = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {JOINING: told}}
        return [
            secret | {"metadata": metadata | {"name": group}},
            network_policy(together(ours, group)) | {"metadata": metadata | {"name": group}},
            *(worker_pod(ours, group, name) | {"metadata": metadata | {"name": f"{group}-{name}"}} for name in names),
        ]


def worker_pods(
    workspace: Workspace, pipeline: Pipeline, environ: Mapping[str, str] | None = None
) -> WorkerPods | None:
    """Return what starts pods for a training that runs in a pod of ours itself, None where it does not."""
    env = os.environ if environ is None else environ
    pod, address = env.get("AIRLOOP_POD"), env.get("AIRLOOP_POD_IP")
    if not pod or not address:
        return None
    within = pipeline.spec.runs_on.train_model.start_within
    return WorkerPods(workspace, pipeline.name, pod, address, within.total_seconds())


class _Pods:
    def __init__(self, cluster: Cluster, names: list[str]) -> None:
        self._cluster, self._names = cluster, names
        self._told, self._next = "", 0.0

    def trouble(self, *, late: bool = False) -> str:
        if late or time.monotonic() >= self._next:
            self._told = "; ".join(filter(None, (self._of(name, late) for name in self._names)))
            self._next = time.monotonic() + _LOOK_S
        return self._told

    def _of(self, name: str, late: bool) -> str:
        try:
            pod = self._cluster.get("v1", "Pod", name)
            if pod is None or "deletionTimestamp" in pod["metadata"]:
                return f"pod {name} was deleted"
            found = trouble_of(self._cluster, name)
        except Unreachable:
            return ""
        phase = str(pod["status"].get("phase", "Pending"))
        if found and (found.is_final or late or phase == "Failed"):
            return found.reason
        return f"pod {name} ended: {phase}" if phase in ("Failed", "Succeeded") else ""


def _delete(cluster: Cluster, manifest: Mapping[str, Any]) -> None:
    cluster.delete(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"], grace_s=0)
