"""Releases, roll backs and verifications as the account ``airloop``, whose Role has no right that nothing asks for."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.deploy import rendered
from tests.kubernetes_rights import Right, granted, under_role

from airloop.bundle import open_bundle
from airloop.cluster import connected
from airloop.errors import BundleError, ClusterRefused
from airloop.release.kubernetes import KubernetesTarget
from airloop.release.target import Placed, State
from airloop.spec.model import Spec
from airloop.verification.pod import running_pod
from airloop.workspace import Workspace

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(900)]  # the base image may have to be built and pushed

ACCOUNT = "airloop"
EXEC = {("", "pods/exec", verb) for verb in ("get", "create")}
"""A connection that is upgraded; current API servers want both."""
STEPS = {*(("", "secrets", verb) for verb in ("create", "patch", "delete")), ("", "pods/log", "get")}
"""Of steps in pods: see ``test_step_rights``."""


@pytest.fixture(scope="module")
def used(
    workspace: Workspace,
    behind_a_gateway: Workspace,
    spec: Spec,
    versions: tuple[Placed, Placed],
    own: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> set[Right]:
    """Which rights releases with a canary, roll backs, by pods and by a Gateway, and a verification made use of."""
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
        _climb_and_go_back(KubernetesTarget(behind_a_gateway, spec), one, two)
        return rights


def _climb_and_go_back(target: KubernetesTarget, one: Placed, two: Placed) -> None:
    """Serve nothing, then a first version, promote a second one after a canary, and go back."""
    for state in (State(), State(one), State(one).with_candidate(two, 50), State(two), State(one)):
        target.apply("flights", state)
        assert target.observe("flights").state == state
    assert target.endpoint("flights").endswith("/v2/models/flights/infer")


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
    assert given - used - applied - EXEC - STEPS == set()


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
