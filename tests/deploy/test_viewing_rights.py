"""Airflow's pages as the account ``airloop-viewer``: they see what is served by its Role, and can change nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.deploy import rendered
from tests.kubernetes_rights import granted, under_role

from airloop.cluster import connected
from airloop.errors import ClusterRefused
from airloop.overview.live import Watching
from airloop.release.kubernetes import KubernetesTarget
from airloop.release.target import Placed, State
from airloop.serving.tokens import read
from airloop.spec.model import Spec
from airloop.workspace import Workspace

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(900)]  # the base image may have to be built and pushed

ACCOUNT = "airloop-viewer"
DESCRIPTION = """\
name: flights
data: {source: {path: "x/*.parquet"}, partition: none, label: {column: late}}
model: {task: binary}
release: {target: kubernetes}
"""


@pytest.fixture(scope="module")
def served(behind_a_gateway: Workspace, spec: Spec, versions: tuple[Placed, Placed], tmp_path_factory) -> Workspace:
    """A workspace whose cluster serves two versions behind a Gateway."""
    pipelines = tmp_path_factory.mktemp("pipelines")
    (pipelines / "flights").mkdir()
    (pipelines / "flights" / "pipeline.yaml").write_text(DESCRIPTION, encoding="utf-8")
    one, two = versions
    KubernetesTarget(behind_a_gateway, spec).apply("flights", State(one).with_candidate(two, 30))
    return replace(behind_a_gateway, pipelines=pipelines)


def test_a_page_sees_what_is_served_by_no_more_rights_than_it_has(served: Workspace, own: str, tmp_path: Path):
    with under_role(own, tmp_path, ACCOUNT) as used:
        (seen,) = Watching(patience_s=60).look(served.onlooking(), ["flights"])
    assert (seen.problem, seen.target) == ("", "kubernetes")
    assert seen.champion is not None and (seen.champion.version, seen.champion.percent) == ("1", 70)
    assert seen.candidate is not None and (seen.candidate.version, seen.candidate.percent) == ("2", 30)
    assert used == granted(rendered.named(rendered.into(own, "base"), "Role", ACCOUNT))


def test_who_looks_can_change_nothing(served: Workspace, spec: Spec, versions: tuple[Placed, Placed], own, tmp_path):
    one, two = versions
    with under_role(own, tmp_path, ACCOUNT):
        target = KubernetesTarget(served, spec)
        with pytest.raises(ClusterRefused, match=f"{ACCOUNT} has no right to"):
            target.apply("flights", State(two))
        with connected(served) as cluster:
            (pod, *_) = [each["metadata"]["name"] for each in cluster.list("v1", "Pod", {})]
            with (
                pytest.raises(ClusterRefused, match=rf"{ACCOUNT} has no right to create pods/proxy"),
                cluster.door(pod, read(served.home).admin) as server,
            ):
                server.recount("flights")
            for version, kind in (("v1", "Pod"), ("v1", "Service"), ("apps/v1", "Deployment")):
                with pytest.raises(ClusterRefused, match=f"{ACCOUNT} has no right to delete"):
                    cluster.delete(version, kind, pod)
            with pytest.raises(ClusterRefused, match=f"{ACCOUNT} has no right to list secrets"):
                cluster.list("v1", "Secret", {})
        assert target.observe("flights").state == State(one).with_candidate(two, 30)
