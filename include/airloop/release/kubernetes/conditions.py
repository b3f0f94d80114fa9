"""What the status of Deployments and pods says: whether they answer, and whether they are as they were applied."""

from __future__ import annotations

from typing import Any

from airloop.cluster.connection import MANAGER

Object = dict[str, Any]


def is_ready(pod: Object) -> bool:
    """Return whether a pod gets requests by a Service that selects it."""
    conditions = pod["status"].get("conditions", ())
    is_asked = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return is_asked and not pod["metadata"].get("deletionTimestamp")


def is_settled(deployment: Object | None, replicas: int) -> bool:
    """Return whether a Deployment is as it was applied, and all its pods answer."""
    if deployment is None or is_edited(deployment):
        return False
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    counts = (status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas"))
    is_current = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return wanted == replicas and is_current and all(count == wanted for count in counts)


def is_edited(deployment: Object) -> bool:
    """Return whether somebody else decides on something in a Deployment's template."""
    owners = deployment["metadata"].get("managedFields", ())
    return any(
        one["manager"] != MANAGER and "f:template" in one.get("fieldsV1", {}).get("f:spec", {}) for one in owners
    )
