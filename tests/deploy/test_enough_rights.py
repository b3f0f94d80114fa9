"""Releases, roll backs and verifications as the account ``airloop``, whose Role has no right that nothing asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.airloop.release.conftest import pipeline_with
from tests.airloop.release.rigs import model_bundle
from tests.deploy import rendered
from tests.kubernetes_cluster import namespace, workspace_on
from tests.kubernetes_rights import Right, granted, install, under_role

from airloop import images
from airloop.bundle import open_bundle
from airloop.cluster import connected
from airloop.errors import BundleError, ClusterRefused
from airloop.release.kubernetes import KubernetesTarget
from airloop.release.target import Placed, State
from airloop.spec.model import Autoscale, Release, Serving, Spec
from airloop.verification.pod import running_pod
from airloop.workspace import Workspace

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(900)]  # the base image may have to be built and pushed

ACCOUNT = "airloop"
GATEWAY = {
    *(("gateway.networking.k8s.io", "httproutes", verb) for verb in ("get", "create", "patch", "delete")),
    ("gateway.networking.k8s.io", "gateways", "get"),
}
"""This cluster has no Gateway API."""
EXEC = {("", "pods/exec", verb) for verb in ("get", "create")}
"""A connection that is upgraded; current API servers want both."""
STEPS = {*(("", "secrets", verb) for verb in ("create", "patch", "delete")), ("", "pods/log", "get")}
"""Of steps in pods: see ``test_step_rights``."""


@pytest.fixture(scope="module")
def own() -> Iterator[str]:
    with namespace() as name:
        install(name)
        yield name


@pytest.fixture(scope="module")
def workspace(own: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return workspace_on(tmp_path_factory.mktemp("home"), own, service_account="airloop-server")


@pytest.fixture(scope="module")
def spec(workspace: Workspace) -> Spec:
    told = pipeline_with(workspace.home).spec
    serving = Serving(cpus=0.4, memory="256MB", replicas=2, autoscale=Autoscale(most=3), log_predictions=False)
    return told.model_copy(update={"release": Release(target="kubernetes"), "serving": serving})


@pytest.fixture(scope="module")
def versions(workspace: Workspace) -> tuple[Placed, Placed]:
    """Two versions in images in the registry, before anybody has too few rights."""
    refs = [model_bundle(workspace, number) for number in (1, 2)]
    made = [images.build(workspace, "flights", open_bundle(workspace, ref.digest)) for ref in refs]
    one, two = (Placed(ref.digest, ref.version, image.reference) for ref, image in zip(refs, made, strict=True))
    return one, two


@pytest.fixture(scope="module")
def used(
    workspace: Workspace,
    spec: Spec,
    versions: tuple[Placed, Placed],
    own: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> set[Right]:
    """Which rights a release with a canary, its roll back, its pruning and a verification made use of."""
    one, two = versions
    with ExitStack() as being:
        rights = being.enter_context(under_role(own, tmp_path_factory.mktemp("account"), ACCOUNT))
        alone = spec.model_copy(update={"serving": spec.serving.model_copy(update={"replicas": 1})})
        KubernetesTarget(workspace, alone).apply("flights", State(one))
        target = KubernetesTarget(workspace, spec)
        target.apply("flights", State(one))
        target.apply("flights", State(one).with_candidate(two, 50))
        seen = target.observe("flights").state
        assert (seen.champion, seen.candidate, seen.candidate_percent) == (one, two, 50)
        target.apply("flights", State(two))
        target.apply("flights", State(one))
        assert target.observe("flights").state == State(one)
        with pytest.raises(BundleError, match="cannot be pulled"):
            target.apply("flights", State(one).with_candidate(_missing(two), 50))
        target.keep("flights", [one.bundle])
        with running_pod(workspace, spec.serving, open_bundle(workspace, two.bundle), two.image) as running:
            assert running.facts().user == "10001"
        return rights


def _missing(placed: Placed) -> Placed:
    name = placed.image.partition("@")[0]
    return Placed(placed.bundle, "9", f"{name}@sha256:{'0' * 64}")


def test_everything_a_release_asks_for_is_granted(used: set[Right], own: str):
    given = granted(rendered.named(rendered.into(own, "base"), "Role", ACCOUNT))
    assert len(used) > 15
    assert used - given == set()


def test_nothing_is_granted_that_nobody_asks_for(used: set[Right], own: str):
    given = granted(rendered.named(rendered.into(own, "base"), "Role", ACCOUNT))
    # The API server wants `create` beside `patch` where what is applied is not there yet.
    applied = {(group, kind, "create") for group, kind, verb in used if verb == "patch"}
    assert given - used - applied - GATEWAY - EXEC - STEPS == set()


def test_an_account_without_rights_is_told_which_one_it_lacks(
    workspace: Workspace, spec: Spec, versions: tuple[Placed, Placed], own: str, tmp_path: Path, used: set[Right]
):
    with (
        under_role(own, tmp_path, "airloop-server"),
        pytest.raises(ClusterRefused, match=r"airloop-server has no right to get services in namespace"),
    ):
        KubernetesTarget(workspace, spec).apply("flights", State(versions[1]))
    with connected(workspace) as cluster:
        assert cluster.list("apps/v1", "Deployment", {}) != []
