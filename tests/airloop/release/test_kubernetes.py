"""The Kubernetes target beyond what every target must do: healing, keeping warm, refusing, and saying why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airloop.errors import BundleError, ReleaseRefused
from airloop.release import release, set_right
from airloop.release.kubernetes import manifests
from airloop.release.kubernetes.place import Place
from airloop.release.target import Placed, State

from .conftest import PASSED, PROMOTED, pipeline_with
from .kubernetes_rig import KubernetesRig
from .test_conformance import QUICK, placed, requests_all_the_time

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesRig]:
    with closing(KubernetesRig(tmp_path_factory.mktemp("kubernetes"))) as rig:
        yield rig


@pytest.fixture
def rig(stack: KubernetesRig) -> KubernetesRig:
    """A namespace in which version 1 is served."""
    stack.target.apply("flights", alone(stack, 1))
    return stack


def alone(rig: KubernetesRig, number: int) -> State:
    return State(placed(rig.bundles[number - 1]))


def both(rig: KubernetesRig, percent: int = 50) -> State:
    return State(placed(rig.bundles[0]), placed(rig.bundles[1]), percent)


def edit(rig: KubernetesRig, version: str, change: dict[str, Any]) -> None:
    """Do as somebody else with kubectl."""
    from kubernetes import client

    name = rig.deployments()[version]["metadata"]["name"]
    apps = client.AppsV1Api(rig.cluster.api)
    apps.patch_namespaced_deployment(name, rig.cluster.namespace, change, field_manager="kubectl-edit")


def wrong_image(rig: KubernetesRig) -> dict[str, Any]:
    image = f"{rig.workspace.registry}/flights@sha256:{'1' * 64}"
    return {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": image}]}}}}


def test_the_version_before_stays_warm_so_that_going_back_is_one_change(rig: KubernetesRig) -> None:
    rig.target.apply("flights", alone(rig, 2))
    assert set(rig.deployments()) == {"1", "2"}
    warm = rig.ready_pods("1")
    with requests_all_the_time(rig) as answered:
        began = time.monotonic()
        rig.target.apply("flights", alone(rig, 1))
        took_s = time.monotonic() - began
    assert answered.total() > 0
    assert rig.send(20) == {"1": 20}
    assert took_s < 15, "two seconds, on a machine that is not busy"
    assert warm and warm <= rig.ready_pods("1"), "those that were kept answer"


def test_one_warm_version_is_enough_and_a_new_candidate_takes_its_place(rig: KubernetesRig) -> None:
    rig.target.apply("flights", alone(rig, 2))
    rig.target.apply("flights", State(placed(rig.bundles[1]), placed(rig.bundles[2]), 0))
    assert set(rig.deployments()) == {"2", "3"}
    rig.target.apply("flights", alone(rig, 2))
    assert set(rig.deployments()) == {"2"}


def test_since_when_requests_are_shared_is_known_to_whoever_takes_over(rig: KubernetesRig) -> None:
    def shared_since() -> datetime | None:
        return Place(rig.workspace, pipeline_with(rig.home).spec, "flights", rig.cluster, 1).traffic.shared_since()

    assert shared_since() is None
    rig.target.apply("flights", both(rig, 50))
    first = shared_since()
    assert first is not None and timedelta(0) < datetime.now(UTC) - first < timedelta(minutes=2)
    rig.opened_anew().apply("flights", both(rig, 50))
    assert shared_since() == first
    rig.target.apply("flights", both(rig, 100))
    again = shared_since()
    assert again is not None and again > first


def test_what_is_not_to_be_kept_is_deleted(rig: KubernetesRig) -> None:
    rig.target.apply("flights", alone(rig, 2))
    assert rig.target.keep("flights", {rig.bundles[1].digest}) == (rig.bundles[0].digest,)
    assert set(rig.deployments()) == {"2"}


@pytest.mark.parametrize("how", ["edited", "added to", "scaled to nothing", "deleted"])
def test_a_deployment_that_somebody_else_changed_is_shown_and_put_right(rig: KubernetesRig, how: str) -> None:
    match how:
        case "edited":
            edit(rig, "1", wrong_image(rig))
        case "added to":
            env = [{"name": "MEDDLED", "value": "1"}]
            edit(rig, "1", {"spec": {"template": {"spec": {"containers": [{"name": "server", "env": env}]}}}})
        case "scaled to nothing":
            edit(rig, "1", {"spec": {"replicas": 0}})
            wait_until(lambda: rig.target.observe("flights").state == State())
        case "deleted":
            rig.cluster.delete("apps/v1", "Deployment", rig.deployments()["1"]["metadata"]["name"])
    assert rig.target.observe("flights").state == State()
    rig.target.apply("flights", alone(rig, 1))
    assert rig.target.observe("flights").state == alone(rig, 1)
    container = rig.deployments()["1"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == rig.bundles[0].image
    assert not any(one["name"] == "MEDDLED" for one in container["env"])
    assert rig.send(10) == {"1": 10}


def test_an_edit_that_cannot_run_takes_no_request_from_the_champion(rig: KubernetesRig) -> None:
    with requests_all_the_time(rig) as answered:
        edit(rig, "1", wrong_image(rig))
        time.sleep(5)
        rig.target.apply("flights", alone(rig, 1))
    assert set(answered) == {"1"}


def test_a_service_that_leads_elsewhere_is_shown_and_put_right(rig: KubernetesRig) -> None:
    name = manifests.name_of(rig.workspace, "flights")
    rig.cluster.patch("v1", "Service", name, {"spec": {"selector": {"somebody": "else"}}})
    assert rig.target.observe("flights").state == State()
    rig.target.apply("flights", alone(rig, 1))
    assert rig.target.observe("flights").state == alone(rig, 1)
    assert rig.send(10) == {"1": 10}


def test_an_image_that_is_missing_is_told_and_the_champion_serves(rig: KubernetesRig) -> None:
    told = r"version 9 cannot be served by \S+: pod \S+: image \S+ cannot be pulled .*not found.*Nothing was changed"
    with requests_all_the_time(rig) as answered, pytest.raises(BundleError, match=told):
        rig.target.apply("flights", State(placed(rig.bundles[0]), rig.missing, 50))
    assert set(answered) == {"1"}
    assert rig.target.observe("flights").state == alone(rig, 1)
    assert set(rig.deployments()) == {"1"}


def test_another_bundle_than_the_verified_one_says_so_with_its_last_words(rig: KubernetesRig) -> None:
    other = Placed(rig.bundles[2].digest, "3", rig.bundles[1].image)
    with pytest.raises(
        BundleError, match=r"(?s)version 3 cannot be served.*ended with exit code 1.*It said last"
    ) as told:
        rig.target.apply("flights", State(placed(rig.bundles[0]), other, 0))
    assert rig.bundles[2].digest[:12] in str(told.value)
    assert set(rig.deployments()) == {"1"}


def test_a_limit_that_it_cannot_live_with_changes_nothing(rig: KubernetesRig) -> None:
    small = rig.opened_anew(memory=12_000_000)
    with pytest.raises(BundleError, match=r"version 1 cannot be served"):
        small.apply("flights", alone(rig, 1))
    assert rig.target.observe("flights").state == alone(rig, 1)
    assert rig.send(5) == {"1": 5}


def test_two_pipelines_do_not_disturb_each_other(rig: KubernetesRig) -> None:
    trains = State(placed(rig.packaged_anew(2, pipeline="trains")))
    rig.target.apply("trains", trains)
    assert rig.target.observe("trains").state == trains
    rig.target.apply("flights", alone(rig, 2))
    rig.target.keep("flights", ())
    assert rig.target.observe("trains").state == trains
    rig.target.apply("trains", State())
    assert rig.target.observe("flights").state == alone(rig, 2)
    assert rig.send(5) == {"2": 5}


def test_a_quota_that_is_used_up_is_told_and_the_champion_serves(rig: KubernetesRig) -> None:
    rig.target.keep("flights", ())
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "2"}}}
    rig.cluster.apply(quota)
    try:
        wait_until(lambda: len(rig.pods()) == 1)
        with pytest.raises(BundleError, match=r"(?s)exceeded quota: few.*Nothing was changed"):
            rig.target.apply("flights", both(rig, 20))
        assert rig.target.observe("flights").state == alone(rig, 1)
        assert rig.send(10) == {"1": 10}
    finally:
        rig.cluster.delete("v1", "ResourceQuota", "few")
    assert rig.deployments()["1"]["spec"]["replicas"] == 1
    assert set(rig.deployments()) == {"1"}


def test_a_shadow_without_a_gateway_is_refused_before_anything_starts(rig: KubernetesRig) -> None:
    with pytest.raises(ReleaseRefused, match=r"flights: release.rollout.shadow: only a Gateway copies.*was started"):
        release(
            rig.workspace,
            pipeline_with(rig.workspace.pipelines, shadow=True),
            bundle=rig.bundles[1],
            verdict=PROMOTED,
            verification=PASSED.model_copy(update={"image": rig.bundles[1].image}),
            run_id="run-2",
            report=print,
            target=rig.target,
            pace=QUICK,
        )
    assert set(rig.deployments()) == {"1"}


def test_a_difference_between_ledger_and_cluster_is_set_right(rig: KubernetesRig) -> None:
    """Late, because the ledger knows a champion from here on."""
    rig.target.apply("flights", State())
    release(
        rig.workspace,
        pipeline_with(rig.workspace.pipelines),
        bundle=rig.bundles[0],
        verdict=PROMOTED,
        verification=PASSED.model_copy(update={"image": rig.bundles[0].image}),
        run_id="run-1",
        report=print,
        target=rig.target,
        pace=QUICK,
    )
    edit(rig, "1", {"spec": {"template": {"metadata": {"annotations": {"meddled": "yes"}}}}})
    found = set_right(rig.workspace, "flights", rig.target, run_id="watch")
    assert found[-1] == "the target serves the ledger's champion alone again"
    assert set_right(rig.workspace, "flights", rig.target, run_id="watch") == []


def wait_until(is_so: Any, longest_s: float = 90) -> None:
    until = time.monotonic() + longest_s
    while not is_so():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.3)
