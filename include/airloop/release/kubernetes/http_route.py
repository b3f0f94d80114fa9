"""The HTTPRoute by which a Gateway shares a pipeline's requests out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airloop.cluster import labels, name_of
from airloop.cluster.confined import SHADOW_PORT
from airloop.release.kubernetes.manifests import Manifest
from airloop.serving.http import CONTENT

if TYPE_CHECKING:
    from airloop.workspace import Workspace

KIND = "HTTPRoute"
_COMPARE = "X-Airloop-Compare"
_OTHERS = ["X-Airloop-Shadow", "X-Airloop-Instead"]


def http_route(
    workspace: Workspace, pipeline: str, api_version: str, gateway: str, percent: int | None, *, shadow: bool = False
) -> Manifest:
    """Return the HTTPRoute by which ``gateway`` ("namespace/name") leads ``percent`` of the requests to the candidate.

    None says that there is no candidate. With ``shadow`` the candidate gets a copy of every request for a prediction,
    and the champion is told that there is one. No client may say of a request what only a gateway says.
    """
    namespace, _, parent = gateway.rpartition("/")
    name = name_of(workspace, pipeline)
    backends = [{"name": name, "port": 80, "weight": 100 - (percent or 0)}]
    if percent is not None:
        backends.append({"name": name_of(workspace, pipeline, "candidate"), "port": 80, "weight": percent})
    path = f"/v2/models/{pipeline}"
    rules = [_rule("PathPrefix", path, backends, {"remove": [_COMPARE, *_OTHERS]})]
    if shadow:
        # The longer path first, as the Gateway looks at them. What else is asked is no prediction.
        told = {"set": [{"name": _COMPARE, "value": CONTENT.decode()}], "remove": _OTHERS}
        copied = {"backendRef": {"name": name_of(workspace, pipeline, "candidate"), "port": SHADOW_PORT}}
        mirror = {"type": "RequestMirror", "requestMirror": copied}
        rules.insert(0, _rule("Exact", f"{path}/infer", backends, told, mirror))
    return {
        "apiVersion": api_version,
        "kind": KIND,
        "metadata": {"name": name, "labels": labels(workspace, "service", pipeline)},
        "spec": {
            "parentRefs": [{"name": parent, **({"namespace": namespace} if namespace else {})}],
            "rules": rules,
        },
    }


def leads_of(found: Mapping[str, Any]) -> list[Any]:
    """Return where each rule of an HTTPRoute leads requests and copies of them; servers add to the rest."""
    return [
        (
            [(one["name"], one.get("weight", 1)) for one in rule["backendRefs"]],
            [_copies(one["requestMirror"]) for one in rule.get("filters", ()) if one["type"] == "RequestMirror"],
        )
        for rule in found["spec"]["rules"]
    ]


def _copies(mirror: Mapping[str, Any]) -> tuple[str, int | None, bool]:
    """Return whom a filter copies requests to, and whether it leaves some of them out."""
    to = mirror["backendRef"]
    return to["name"], to.get("port"), "percent" in mirror or "fraction" in mirror


def _rule(kind: str, path: str, backends: list[dict[str, Any]], told: dict[str, Any], *more: Manifest) -> Manifest:
    headers = {"type": "RequestHeaderModifier", "requestHeaderModifier": told}
    return {
        "matches": [{"path": {"type": kind, "value": path}}],
        "filters": [headers, *more],
        "backendRefs": backends,
    }
