"""What every pod of ours may use and may not do, and how the cluster sees that a server in one is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airloop.serving import placing

if TYPE_CHECKING:
    from airloop.spec.model import Serving

PORT = 8080
SHADOW_PORT = 8081
"""Where copies of requests come, where a Gateway can make some."""
LEAVE_S = 5
"""How long a pod that is told to stop goes on as if nothing were: until every node has heard that it leaves."""
GRACE_S = LEAVE_S + placing.STOP_S + 10
"""After that it is killed; the last seconds are for the prediction log."""
STARTUP_S = 90
"""Longest time until a server answers; it is started again then."""
REQUESTED = 0.25
"""Part of its CPU limit that a pod asks the scheduler for: servers wait most of the time."""
CONFINED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What no container may do, whatever its pipeline's spec says: Kubernetes' `restricted` profile, and a root to read."""


def pod_security(user: int, group: int) -> dict[str, Any]:
    """Return the security context of a pod that runs as ``user``; volumes that can be are the ``group``'s to write."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def resources(serving: Serving) -> dict[str, Any]:
    """Return what a server's container may use, and what of it is kept for it."""
    cpu, memory = f"{round(serving.cpus * 1000)}m", str(serving.memory)
    requested = f"{max(1, round(serving.cpus * 1000 * REQUESTED))}m"
    return {"limits": {"cpu": cpu, "memory": memory}, "requests": {"cpu": requested, "memory": memory}}


def probes() -> dict[str, Any]:
    """Return how the kubelet sees that a server has started, may be asked, and has hung.

    A server starts in one or two seconds; each second more between two looks is one more that a rollout waits.
    """
    ready, live = ({"httpGet": {"path": f"/v2/health/{path}", "port": PORT}} for path in ("ready", "live"))
    return {
        "startupProbe": {**ready, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": STARTUP_S},
        "readinessProbe": {**ready, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 3},
        "livenessProbe": {**live, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
    }
