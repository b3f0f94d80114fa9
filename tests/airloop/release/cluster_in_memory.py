"""A cluster for tests that need none: an API server's objects in memory, and pods that come and go as they say."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass
class Pod:
    """One pod of a Deployment; ``ready`` is when it answers, ``end`` when it was told to go."""

    name: str
    labels: dict[str, str]
    owner: str
    ready: float
    end: float = 0.0


@dataclass
class ClusterInMemory:
    """Stands in for ``airloop.cluster.Cluster``; Deployments get no more pods than the ``quota`` has left."""

    quota: int = 99
    starts_s: float = 0.3
    ends_s: float = 0.3
    namespace: str = "models"
    ill: set[str] = field(default_factory=set)
    """Pods, and Deployments whose pods, no node takes."""
    led: list[tuple[str, dict[str, int]]] = field(default_factory=list)
    """What the Service selected, and how many pods of each version answered, at each change of it."""
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    _pods: list[Pod] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    def newest(self, group: str, kind: str, versions: tuple[str, ...]) -> str:
        return f"{group}/{versions[0]}"

    def apply(self, manifest: Mapping[str, Any]) -> Object:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        return self._keep(kind, name, copy.deepcopy(dict(manifest)))

    def patch(self, api_version: str, kind: str, name: str, change: Mapping[str, Any]) -> Object:
        found = copy.deepcopy(self.objects[kind, name])
        found["spec"] |= change["spec"]
        return self._keep(kind, name, found)

    def delete(self, api_version: str, kind: str, name: str) -> bool:
        return self.objects.pop((kind, name), None) is not None

    def get(self, api_version: str, kind: str, name: str) -> Object | None:
        self._go_on()
        found = copy.deepcopy(self.objects.get((kind, name)))
        return self._with_status(found) if found and kind == "Deployment" else found

    def list(self, api_version: str, kind: str, labels: Mapping[str, str], fields: object = None) -> list[Object]:
        self._go_on()
        if kind == "EndpointSlice":
            service = self.objects["Service", labels["kubernetes.io/service-name"]]
            chosen = self._selected(service["spec"]["selector"])
            return [{"endpoints": [{"targetRef": {"name": one.name}} for one in chosen if self._is_ready(one)]}]
        every = [self._told(one) for one in self._pods] if kind == "Pod" else self._objects(kind)
        return [one for one in every if labels.items() <= one["metadata"]["labels"].items()]

    def answering(self) -> dict[str, int]:
        """Return how many pods of each version answer."""
        self._go_on()
        found: dict[str, int] = {}
        for pod in filter(self._is_ready, self._pods):
            version = pod.labels["app.kubernetes.io/version"]
            found[version] = found.get(version, 0) + 1
        return found

    def pods_of(self, server: str) -> list[str]:
        """Return the names of a Deployment's pods."""
        return [one.name for one in self._of(server)]

    def _keep(self, kind: str, name: str, wanted: Object) -> Object:
        before = self.objects.get((kind, name))
        generation = before["metadata"]["generation"] if before else 0
        is_other = before is None or before["spec"] != wanted["spec"]
        wanted["metadata"]["generation"] = generation + is_other
        self.objects[kind, name] = wanted
        self._go_on()
        if kind == "Service" and is_other:
            self.led.append((wanted["spec"]["selector"].get("airloop.dev/server", ""), self.answering()))
        return copy.deepcopy(wanted)

    def _go_on(self) -> None:
        """Do what controllers, the scheduler and kubelets did since they were looked at last."""
        now = time.monotonic()
        self._pods = [one for one in self._pods if not one.end or now - one.end < self.ends_s]
        deployments = {name: one for (kind, name), one in self.objects.items() if kind == "Deployment"}
        for pod in self._pods:
            if pod.owner not in deployments and not pod.end:
                pod.end = now
        for name, one in deployments.items():
            there, wanted = self._of(name), one["spec"]["replicas"]
            for pod in there[wanted:]:
                pod.end = now
            for _ in range(min(wanted - len(there), self.quota - len(self._pods))):
                labels = one["spec"]["template"]["metadata"]["labels"]
                self._pods.append(Pod(f"{name}-{next(self._numbers)}", labels, name, now + self.starts_s))

    def _of(self, name: str) -> list[Pod]:
        return [one for one in self._pods if one.owner == name and not one.end]

    def _selected(self, selector: Mapping[str, str]) -> list[Pod]:
        return [one for one in self._pods if selector.items() <= one.labels.items()]

    def _is_ready(self, pod: Pod) -> bool:
        return not pod.end and not self._is_ill(pod) and time.monotonic() >= pod.ready

    def _is_ill(self, pod: Pod) -> bool:
        return bool({pod.name, pod.owner} & self.ill)

    def _objects(self, kind: str) -> list[Object]:
        if kind == "ReplicaSet":
            return [self._replica_set(one) for one in self._objects("Deployment")]
        found = [copy.deepcopy(one) for (of, _), one in sorted(self.objects.items()) if of == kind]
        return [self._with_status(one) for one in found] if kind == "Deployment" else found

    def _with_status(self, deployment: Object) -> Object:
        there = self._of(deployment["metadata"]["name"])
        counts = {
            "replicas": len(there),
            "updatedReplicas": len(there),
            "readyReplicas": sum(map(self._is_ready, there)),
        }
        deployment["status"] = counts | {"observedGeneration": deployment["metadata"]["generation"]}
        return deployment

    def _replica_set(self, of: Object) -> Object:
        is_short = len(self._of(of["metadata"]["name"])) < of["spec"]["replicas"]
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
        return of | {"status": {"conditions": [failure] if is_short else []}}

    def _told(self, pod: Pod) -> Object:
        taken = {"type": "PodScheduled", "status": "True"}
        if self._is_ill(pod):
            taken |= {"status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}
        ready = {"type": "Ready", "status": str(self._is_ready(pod))}
        metadata = {"name": pod.name, "uid": pod.name, "labels": pod.labels}
        metadata |= {"deletionTimestamp": "now"} if pod.end else {}
        return {"metadata": metadata, "status": {"phase": "Pending", "conditions": [taken, ready]}}
