"""What an API server offers, asked once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from airloop.errors import ClusterRefused

ALWAYS = {
    "v1": {
        "ConfigMap": "configmaps",
        "Event": "events",
        "PersistentVolumeClaim": "persistentvolumeclaims",
        "Pod": "pods",
        "ResourceQuota": "resourcequotas",
        "Secret": "secrets",
        "Service": "services",
        "ServiceAccount": "serviceaccounts",
    },
    "apps/v1": {"Deployment": "deployments", "ReplicaSet": "replicasets"},
    "batch/v1": {"Job": "jobs"},
    "networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies"},
}
"""Offered by every server that this runs on, so nobody needs to ask: group/version → kind → its name in paths."""


@dataclass
class Discovery:
    """What ``ask`` (path → answer, None for 404) tells about the kinds of a server."""

    ask: Callable[[str], dict[str, Any] | None]
    _known: dict[str, dict[str, str]] = field(default_factory=dict)

    def find(self, group_version: str, kind: str) -> str | None:
        """Return what a namespaced ``kind`` is called in paths, None where the server does not offer it."""
        always = ALWAYS.get(group_version, {}).get(kind)
        if always is not None:
            return always
        if group_version not in self._known:
            root = "/api" if "/" not in group_version else "/apis"
            self._known[group_version] = _namespaced(self.ask(f"{root}/{group_version}"))
        return self._known[group_version].get(kind)

    def plural(self, group_version: str, kind: str) -> str:
        """Return the same. Raises ClusterRefused where the server does not offer it."""
        found = self.find(group_version, kind)
        if found is None:
            raise ClusterRefused(f"the cluster offers no {kind} of {group_version} in namespaces")
        return found


def _namespaced(answer: dict[str, Any] | None) -> dict[str, str]:
    told = answer["resources"] if answer else []
    return {one["kind"]: one["name"] for one in told if one["namespaced"] and "/" not in one["name"]}
