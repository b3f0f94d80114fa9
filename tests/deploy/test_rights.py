"""What the accounts of ``deploy/kubernetes`` may do on a real cluster, and what it refuses them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.deploy import rendered
from tests.kubernetes_cluster import namespace, workspace_on
from tests.kubernetes_rights import being, install, right_of

from airloop.cluster import connected
from airloop.errors import ClusterRefused


@pytest.mark.kubernetes
@pytest.mark.parametrize("overlay", rendered.OVERLAYS)
def test_a_cluster_takes_every_manifest(overlay: str):
    with namespace() as name:
        assert len(install(name, overlay)) >= 8
        install(name, overlay)  # an upgrade


@pytest.mark.kubernetes
@pytest.mark.parametrize("account", ["airloop", "airloop-viewer", "airloop-server", "airloop-training"])
def test_nothing_outside_the_namespace_can_be_read(account: str, own: str, tmp_path: Path):
    for elsewhere in ("default", "kube-system"):
        with being(account, own, tmp_path), connected(workspace_on(tmp_path, elsewhere)) as cluster:
            for version, kind in (("v1", "Pod"), ("v1", "Secret"), ("v1", "Service"), ("apps/v1", "Deployment")):
                with pytest.raises(ClusterRefused, match=f"{account} has no right to list .* in namespace {elsewhere}"):
                    cluster.list(version, kind, {})


@pytest.mark.kubernetes
def test_secrets_and_rights_of_the_namespace_cannot_be_read_either(own: str, tmp_path: Path):
    with being("airloop", own, tmp_path), connected(workspace_on(tmp_path, own)) as cluster:
        assert cluster.list("v1", "Pod", {}) == []
        for version, kind in (("v1", "Secret"), ("v1", "ServiceAccount"), ("rbac.authorization.k8s.io/v1", "Role")):
            with pytest.raises(ClusterRefused, match="has no right to list"):
                cluster.list(version, kind, {})


@pytest.mark.kubernetes
def test_a_server_may_do_nothing_even_at_home(own: str, tmp_path: Path):
    with (
        being("airloop-server", own, tmp_path),
        connected(workspace_on(tmp_path, own)) as cluster,
        pytest.raises(ClusterRefused, match="airloop-server has no right to list pods in namespace"),
    ):
        cluster.list("v1", "Pod", {})


@pytest.mark.parametrize(
    ("method", "url", "right"),
    [
        ("GET", "/api/v1/namespaces/x/pods?labelSelector=a", ("", "pods", "list")),
        ("GET", "/api/v1/namespaces/x/pods?watch=true", ("", "pods", "watch")),
        ("GET", "/api/v1/namespaces/x/pods/p/log?tailLines=3", ("", "pods/log", "get")),
        ("PUT", "https://h:1/api/v1/namespaces/x/pods/p:8080/proxy/admin", ("", "pods/proxy", "update")),
        ("PATCH", "/apis/apps/v1/namespaces/x/deployments/d", ("apps", "deployments", "patch")),
        ("GET", "/apis/apps/v1", None),
        ("GET", "/api/v1/namespaces/x", None),
    ],
)
def test_a_request_is_known_by_the_right_it_needs(method: str, url: str, right: tuple[str, str, str] | None):
    assert right_of(method, url) == right
