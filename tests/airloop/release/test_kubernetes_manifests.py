"""What is put into a cluster: valid for every version that is in use, hardened, and the same for the same release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from airloop.gateway.route import Route, Upstream
from airloop.release.kubernetes import manifests
from airloop.release.kubernetes.http_route import http_route
from airloop.release.target import Placed
from airloop.serving.tokens import Tokens
from airloop.spec.model import Autoscale, Serving
from airloop.workspace import Workspace

from .conftest import workspace_in

VERSIONS = [f"1.{minor}" for minor in range(25, 38)]
SERVING = Serving(replicas=3, autoscale=Autoscale(most=6, cpu=60), log_predictions=False)
TOKENS = Tokens("asks", "administers")
PLACED = Placed("b" * 64, "7", "registry.example.com/models/flight_delays@sha256:" + "a" * 64)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_in(tmp_path, AIRLOOP_REGISTRY="registry.example.com/models", AIRLOOP_PREFIX="prod")


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
def test_every_manifest_is_valid_in_every_version(workspace: Workspace, version: str) -> None:
    made = of(workspace)
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
