"""Exact shares by a Gateway's weights, and what happens when it does not obey them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from airloop.cluster import name_of
from airloop.errors import BundleError
from airloop.release.kubernetes import KubernetesTarget
from airloop.release.target import State

from .conftest import pipeline_with
from .gateway_api import GROUP
from .gateway_rig import GatewayRig, behind_a_gateway
from .kubernetes_rig import READY_S, SMALL
from .test_conformance import placed, requests_all_the_time, run_release

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with behind_a_gateway(tmp_path_factory.mktemp("gateway")) as rig:
        yield rig


@pytest.fixture
def rig(stack: GatewayRig) -> GatewayRig:
    """A namespace in which version 1 is served."""
    stack.gateway.ignores, stack.gateway.refuses, stack.gateway.is_away = False, "", False
    stack.target.apply("flights", State(placed(stack.bundles[0])))
    return stack


def both(rig: GatewayRig, percent: int) -> State:
    return State(placed(rig.bundles[0]), placed(rig.bundles[1]), percent)


def test_a_share_is_exact_with_a_pod_of_each(rig: GatewayRig) -> None:
    with requests_all_the_time(rig):
        rig.target.apply("flights", both(rig, 10))
        assert rig.target.observe("flights").state == both(rig, 10)
        answered = rig.send(400)
        assert 15 <= answered["2"] <= 75
        assert [one["spec"]["replicas"] for one in rig.deployments().values()] == [1, 1]
        rig.target.apply("flights", both(rig, 100))
        assert rig.send(20) == {"2": 20}
        rig.target.apply("flights", State(placed(rig.bundles[1])))
    assert rig.send(20) == {"2": 20}
    assert rig.cluster.get("v1", "Service", name_of(rig.workspace, "flights", "candidate")) is None


def test_weights_that_somebody_edits_are_shown_and_put_right(rig: GatewayRig) -> None:
    rig.target.apply("flights", both(rig, 10))
    name = name_of(rig.workspace, "flights")
    found = rig.cluster.get(f"{GROUP}/v1", "HTTPRoute", name)
    assert found is not None
    found["spec"]["rules"][0]["backendRefs"][1]["weight"] = 99
    rig.cluster.patch(f"{GROUP}/v1", "HTTPRoute", name, {"spec": found["spec"]})
    assert rig.target.observe("flights").state == State()
    rig.target.apply("flights", both(rig, 10))
    assert rig.target.observe("flights").state == both(rig, 10)


def test_a_gateway_that_refuses_the_route_is_quoted(rig: GatewayRig) -> None:
    rig.gateway.refuses = "no listener allows it"
    with pytest.raises(BundleError, match=r"does not take HTTPRoute .*NotAllowedByListeners: no listener allows it"):
        rig.target.apply("flights", both(rig, 10))


def test_a_first_release_by_a_gateway_that_is_not_there_is_refused(rig: GatewayRig) -> None:
    rig.target.apply("flights", State())
    rig.gateway.is_away = True
    impatient = replace(rig.workspace, kubernetes=replace(rig.workspace.kubernetes, ready_s=3.0))
    spec = pipeline_with(rig.home).spec.model_copy(update={"serving": SMALL})
    target = KubernetesTarget(impatient, spec, ready_s=READY_S)
    told = r"flights: nobody says anything of HTTPRoute \S+ for 3 s: is there a Gateway 'public' .*GATEWAY"
    with pytest.raises(BundleError, match=told):
        target.apply("flights", State(placed(rig.bundles[0])))


def test_weights_that_are_ignored_are_found_by_what_is_measured(rig: GatewayRig) -> None:
    """The very last: the ledger knows a champion from here on."""
    lines: list[str] = []
    rig.target.apply("flights", State())
    assert run_release(rig, 1, lines) == "RELEASED"
    rig.gateway.ignores = True
    rules = {"steps": [10, 100], "min_requests": 400}
    with requests_all_the_time(rig):
        assert run_release(rig, 2, lines, **rules) == "ROLLED_BACK"
    assert "10 % were asked for: what shares requests out does not apply the weights" in "".join(lines)
    assert rig.send(10) == {"1": 10}
