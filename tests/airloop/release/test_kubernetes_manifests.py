"""What is put into a cluster: valid for every version that is in use, hardened, and the same for the same release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from airloop.gateway.route import Route, Upstream
from airloop.release.kubernetes import manifests
from airloop.release.kubernetes.http_route import http_route, leads_of
from airloop.release.target import Placed
from airloop.serving.tokens import Tokens
from airloop.spec.model import Autoscale, Serving
from airloop.workspace import Workspace

from .conftest import workspace_in

VERSIONS = [f"1.{minor}" for minor in range(25, 38)]
SERVING = Serving(replicas=3, autoscale=Autoscale(most=6, cpu=60), log_predictions=False)
TOKENS = Tokens("asks", "administers")
PLACED = Placed("b" * 64, "7", "registry.example.com/models/flight_delays@sha256:" + "a" * 64)


NAMED = {"AIRLOOP_REGISTRY": "registry.example.com/models", "AIRLOOP_PREFIX": "prod"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_in(tmp_path, **NAMED)


@pytest.fixture
def behind_gateway(tmp_path: Path) -> Workspace:
    return workspace_in(tmp_path, **NAMED, AIRLOOP_KUBERNETES_GATEWAY="infra/public")


def server(workspace: Workspace, serving: Serving = SERVING) -> manifests.PodServer:
    return manifests.server_of(workspace, serving, "flight_delays", PLACED, TOKENS)


def of(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Return one manifest of each kind that API servers define themselves."""
    made = server(workspace)
    route = Route(Upstream(made.name, PLACED.bundle, PLACED.version, PLACED.image))
    every = [
        manifests.deployment(workspace, SERVING, made, TOKENS, replicas=3),
        manifests.service(workspace, "flight_delays", route, "", made.name),
        manifests.budget(workspace, "flight_delays", "policy/v1"),
        manifests.scaler(workspace, "flight_delays", made.name, SERVING, Autoscale(most=6), "autoscaling/v2"),
        manifests.wall(workspace, "flight_delays", reaches_out=False),
    ]
    return {one["kind"]: one for one in every}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_valid_in_every_version(
    workspace: Workspace, behind_gateway: Workspace, version: str
) -> None:
    made = of(workspace)
    second = manifests.second_service(behind_gateway, "flight_delays", "x")
    for manifest in (*of(behind_gateway).values(), second):
        kubernetes_validate.validate(manifest, version, strict=True)
    older = manifests.scaler(workspace, "flight_delays", "x", SERVING, Autoscale(most=6), "autoscaling/v1")
    for manifest in (*made.values(), older, manifests.wall(workspace, "flight_delays", reaches_out=True)):
        kubernetes_validate.validate(manifest, version, strict=True)
    assert len(made) == 5


def test_everything_has_the_recommended_labels(workspace: Workspace) -> None:
    for manifest in of(workspace).values():
        labels = manifest["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == labels["app.kubernetes.io/managed-by"] == "airloop"
        assert (labels["app.kubernetes.io/instance"], labels["airloop.dev/pipeline"]) == ("prod", "flight_delays")


def test_no_manifest_carries_a_token(workspace: Workspace) -> None:
    assert not {"asks", "administers"} & set(json.dumps(of(workspace)).replace('"', " ").split())


def test_the_name_follows_image_and_settings_and_nothing_else(workspace: Workspace) -> None:
    name = server(workspace).name
    assert name == server(workspace, SERVING.model_copy(update={"replicas": 9})).name
    assert name.startswith(f"prod-flight-delays--{'a' * 12}-")
    assert len(name) <= 46
    assert server(workspace, SERVING.model_copy(update={"memory": 300_000_000})).name != name


def test_a_deployment_finds_its_own_pods_only(workspace: Workspace) -> None:
    made = of(workspace)["Deployment"]
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert made["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert made["spec"]["selector"]["matchLabels"]["airloop.dev/server"] == made["metadata"]["name"]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [("prod-x", {"airloop.dev/server": "prod-x"}), ("", {}), (None, {"airloop.dev/server": "nobody"})],
)
def test_a_service_leads_to_one_version_to_all_or_to_nobody(
    workspace: Workspace, chosen: str | None, found: dict[str, str]
) -> None:
    shared = manifests.of_pipeline(workspace, "flight_delays")
    assert manifests.selector(workspace, "flight_delays", chosen) == shared | found


def test_a_service_remembers_what_is_served(workspace: Workspace) -> None:
    route = Route(Upstream("one", "1" * 64, "1", "i@1"), Upstream("two", "2" * 64, "2", "i@2"), 10)
    made = manifests.service(workspace, "flight_delays", route, "zero", "")
    assert manifests.remembered(made) == (route, "zero")
    assert manifests.remembered(None) == (Route(), "")


def test_servers_reach_nothing_unless_the_log_has_to(workspace: Workspace) -> None:
    closed, opened = (manifests.wall(workspace, "p", reaches_out=out)["spec"]["egress"] for out in (False, True))
    assert (closed, opened) == ([], [{}])


def test_a_route_has_the_exact_weights(workspace: Workspace) -> None:
    version = "gateway.networking.k8s.io/v1"
    made = http_route(workspace, "flight_delays", version, "infra/public", 7)
    (rule,) = made["spec"]["rules"]
    assert made["spec"]["parentRefs"] == [{"name": "public", "namespace": "infra"}]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/v2/models/flight_delays"}}]
    weights = [(one["name"], one["weight"]) for one in rule["backendRefs"]]
    assert weights == [("prod-flight-delays", 93), ("prod-flight-delays--candidate", 7)]
    alone = http_route(workspace, "flight_delays", version, "public", None)
    assert [one["weight"] for one in alone["spec"]["rules"][0]["backendRefs"]] == [100]


def test_a_shadow_gets_copies_of_predictions_by_a_port_of_its_own(behind_gateway: Workspace) -> None:
    version = "gateway.networking.k8s.io/v1"
    made = http_route(behind_gateway, "flight_delays", version, "infra/public", 0, shadow=True)
    first, rest = made["spec"]["rules"]
    assert first["matches"] == [{"path": {"type": "Exact", "value": "/v2/models/flight_delays/infer"}}]
    told, mirror = first["filters"]
    assert told["requestHeaderModifier"] == {
        "set": [{"name": "X-Airloop-Compare", "value": "content"}],
        "remove": ["X-Airloop-Shadow", "X-Airloop-Instead"],
    }
    candidate = manifests.second_service(behind_gateway, "flight_delays", "x")
    copied = {"name": candidate["metadata"]["name"], "port": 8081}
    assert mirror == {"type": "RequestMirror", "requestMirror": {"backendRef": copied}}
    assert [one["type"] for one in rest["filters"]] == ["RequestHeaderModifier"]
    assert {one["port"]: one["targetPort"] for one in candidate["spec"]["ports"]} == {80: 8080, 8081: 8081}
    alone = http_route(behind_gateway, "flight_delays", version, "infra/public", 0)
    assert leads_of(made) != leads_of(alone)
    mirror["requestMirror"]["percent"] = 10
    assert leads_of(made) != leads_of(http_route(behind_gateway, "flight_delays", version, "p", 0, shadow=True))


def test_the_port_for_copies_is_open_only_where_a_gateway_can_make_some(
    workspace: Workspace, behind_gateway: Workspace
) -> None:
    for each, ports in ((workspace, [8080]), (behind_gateway, [8080, 8081])):
        (container,) = of(each)["Deployment"]["spec"]["template"]["spec"]["containers"]
        assert [one["containerPort"] for one in container["ports"]] == ports
        assert ({"name": "AIRLOOP_SHADOW_PORT", "value": "8081"} in container["env"]) is (len(ports) == 2)
        (ingress,) = of(each)["NetworkPolicy"]["spec"]["ingress"]
        assert [one["port"] for one in ingress["ports"]] == ports
