"""The HTTPRoute by which a Gateway shares a pipeline's requests out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airloop.cluster import labels, name_of
from airloop.release.kubernetes.manifests import Manifest

if TYPE_CHECKING:
    from airloop.workspace import Workspace

KIND = "HTTPRoute"


def http_route(workspace: Workspace, pipeline: str, api_version: str, gateway: str, percent: int | None) -> Manifest:
    """Return the HTTPRoute by which ``gateway`` ("namespace/name") leads ``percent`` of the requests to the candidate.

    None says that there is no candidate. No client may say of a request what only Airloop's own gateway says.
    """
    namespace, _, parent = gateway.rpartition("/")
    name = name_of(workspace, pipeline)
    backends = [{"name": name, "port": 80, "weight": 100 - (percent or 0)}]
    if percent is not None:
        backends.append({"name": name_of(workspace, pipeline, "candidate"), "port": 80, "weight": percent})
    own = ["X-Airloop-Compare", "X-Airloop-Shadow", "X-Airloop-Instead"]
    return {
        "apiVersion": api_version,
        "kind": KIND,
        "metadata": {"name": name, "labels": labels(workspace, "service", pipeline)},
        "spec": {
            "parentRefs": [{"name": parent, **({"namespace": namespace} if namespace else {})}],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": f"/v2/models/{pipeline}"}}],
                    "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": own}}],
                    "backendRefs": backends,
                }
            ],
        },
    }


def weights_of(found: Mapping[str, Any]) -> list[list[tuple[str, int]]]:
    return [[(one["name"], one.get("weight", 1)) for one in rule["backendRefs"]] for rule in found["spec"]["rules"]]
