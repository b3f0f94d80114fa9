"""What a pipeline has in a cluster, as manifests: pure, and the same ones for the same arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airloop import digest
from airloop.cluster import GROUP, labels, name_of, names
from airloop.cluster.confined import PORT, SHADOW_PORT
from airloop.cluster.server_pod import PodServer, pod_spec
from airloop.gateway.route import Route

if TYPE_CHECKING:
    from airloop.release.target import Placed
    from airloop.serving.tokens import Tokens
    from airloop.spec.model import Autoscale, Serving
    from airloop.workspace import Workspace

Manifest = dict[str, Any]

ROUTE = f"{GROUP}/route"
"""Annotation of a pipeline's Service: what is served, and by which Deployments. Nothing else remembers it."""
WARM = f"{GROUP}/warm"
"""Annotation of a pipeline's Service: the Deployment of the version before, kept for a roll back."""
BUNDLE = f"{GROUP}/bundle"
"""Annotation of a Deployment: the digest of what it serves."""
SERVER = f"{GROUP}/server"
"""Label of pods: their Deployment."""
NOBODY = "nobody"
"""What the Service selects while nothing is served."""
PROGRESS_S = 90
"""Longest time without a pod more that is ready."""


def of_pipeline(workspace: Workspace, pipeline: str) -> dict[str, str]:
    """Return the labels that all pods and Deployments of a pipeline's versions have, and nothing else has."""
    return {name: value for name, value in labels(workspace, "server", pipeline).items() if name.startswith(GROUP)}


def server_of(workspace: Workspace, serving: Serving, pipeline: str, placed: Placed, granted: Tokens) -> PodServer:
    """Return a version as it runs; its name is the same as long as image and settings are the same.

    Other limits or tokens give another name, so that they too come into force without a gap.
    """
    unnamed = PodServer("", pipeline, placed.version, placed.bundle, placed.image)
    settings = digest.of_value(pod_spec(workspace, serving, unnamed, granted))[:8]
    image = placed.image.rpartition("sha256:")[2][:12]
    name = name_of(workspace, pipeline, f"{image}-{settings}")
    return PodServer(name, pipeline, placed.version, placed.bundle, placed.image)


def deployment(
    workspace: Workspace, serving: Serving, server: PodServer, granted: Tokens, *, replicas: int
) -> Manifest:
    """Return the Deployment of one version. Its template never changes: another template is another Deployment."""
    told = names.annotations(version=server.version, bundle=server.bundle, image=server.image)
    own = labels(workspace, "server", server.pipeline, version=server.version, server=server.name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": server.name, "labels": own, "annotations": told},
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 1,
            "progressDeadlineSeconds": PROGRESS_S,
            # Only when somebody else edits the template, or what they did is undone.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": of_pipeline(workspace, server.pipeline) | {SERVER: server.name}},
            "template": {
                "metadata": {"labels": own, "annotations": told},
                "spec": pod_spec(workspace, serving, server, granted),
            },
        },
    }


def service(workspace: Workspace, pipeline: str, route: Route, warm: str, chosen: str | None) -> Manifest:
    """Return the pipeline's Service, which remembers ``route``.

    It leads to the pods of the Deployment ``chosen``, to those of all versions for "", and to nobody for None.
    """
    remembered = {ROUTE: json.dumps(asdict(route), sort_keys=True), WARM: warm}
    return _service(workspace, pipeline, name_of(workspace, pipeline), chosen, remembered)


def second_service(workspace: Workspace, pipeline: str, chosen: str) -> Manifest:
    """Return the Service by which a Gateway reaches the candidate, with requests and with copies of some."""
    made = _service(workspace, pipeline, name_of(workspace, pipeline, "candidate"), chosen, {})
    copies = {"name": "shadow", "port": SHADOW_PORT, "protocol": "TCP", "targetPort": SHADOW_PORT}
    made["spec"]["ports"].append(copies)
    return made


def selector(workspace: Workspace, pipeline: str, chosen: str | None) -> dict[str, str]:
    """Return what a Service selects: see ``service``."""
    shared = of_pipeline(workspace, pipeline)
    return shared if chosen == "" else shared | {SERVER: NOBODY if chosen is None else chosen}


def remembered(found: Mapping[str, Any] | None) -> tuple[Route, str]:
    """Return the route and the warm Deployment that a Service remembers; nothing where there is no Service."""
    kept = (found or {}).get("metadata", {}).get("annotations", {})
    route = Route.from_json(json.loads(kept[ROUTE])) if kept.get(ROUTE) else Route()
    return route, kept.get(WARM, "")


def _service(workspace: Workspace, pipeline: str, name: str, chosen: str | None, kept: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels(workspace, "service", pipeline), "annotations": dict(kept)},
        "spec": {
            "type": "ClusterIP",
            "selector": selector(workspace, pipeline, chosen),
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": PORT}],
        },
    }


def budget(workspace: Workspace, pipeline: str, api_version: str) -> Manifest:
    """Return the PodDisruptionBudget: nodes that are emptied take one pod of the pipeline at a time."""
    return {
        "apiVersion": api_version,
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name_of(workspace, pipeline), "labels": labels(workspace, "service", pipeline)},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": of_pipeline(workspace, pipeline)}},
    }


def scaler(workspace: Workspace, pipeline: str, name: str, serving: Serving, rule: Autoscale, version: str) -> Manifest:
    """Return the HorizontalPodAutoscaler of the Deployment ``name``; ``version`` is autoscaling/v2 or /v1."""
    by_cpu: dict[str, Any] = {"targetCPUUtilizationPercentage": rule.cpu}
    if version == "autoscaling/v2":
        target = {"type": "Utilization", "averageUtilization": rule.cpu}
        by_cpu = {"metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]}
    return {
        "apiVersion": version,
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name_of(workspace, pipeline), "labels": labels(workspace, "service", pipeline)},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": serving.replicas,
            "maxReplicas": max(rule.most, serving.replicas),
            **by_cpu,
        },
    }


def wall(workspace: Workspace, pipeline: str, *, reaches_out: bool) -> Manifest:
    """Return the NetworkPolicy: in by the server's ports, out nowhere unless the log goes to a remote store."""
    ports = (PORT, SHADOW_PORT) if workspace.kubernetes.gateway else (PORT,)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name_of(workspace, pipeline), "labels": labels(workspace, "service", pipeline)},
        "spec": {
            "podSelector": {"matchLabels": of_pipeline(workspace, pipeline)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [{"port": port, "protocol": "TCP"} for port in ports]}],
            "egress": [{}] if reaches_out else [],
        },
    }
