"""A shadow behind a Gateway: copies are answered, compared and judged, and never logged."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from airloop.cluster import name_of
from airloop.errors import BundleError
from airloop.release.kubernetes import KubernetesTarget
from airloop.release.target import Observed, State
from airloop.serving.tokens import read_or_make

from .gateway_api import GROUP
from .gateway_rig import GatewayRig, behind_a_gateway
from .rigs import GIVING_UP
from .test_conformance import placed, requests_all_the_time, run_release

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with behind_a_gateway(tmp_path_factory.mktemp("shadow")) as rig:
        yield rig


@pytest.fixture
def rig(stack: GatewayRig) -> GatewayRig:
    """A namespace in which version 1 is served."""
    stack.gateway.mirrors = True
    stack.target.apply("flights", State(placed(stack.bundles[0])))
    return stack


def shadowed(rig: GatewayRig) -> State:
    return State(placed(rig.bundles[0]), placed(rig.bundles[1]), 0, shadow=True)


def answer_to(rig: GatewayRig, x: float) -> float:
    """Ask the Gateway for one prediction."""
    connection = http.client.HTTPConnection(rig.address, timeout=30)
    body = json.dumps({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [x]}]})
    headers = {"authorization": f"Bearer {read_or_make(rig.home).infer}", "content-type": "application/json"}
    try:
        connection.request("POST", "/v2/models/flights/infer", body, headers)
        return float(json.loads(connection.getresponse().read())["outputs"][0]["data"][0])
    finally:
        connection.close()


def after_copies(target: KubernetesTarget, copies: int) -> Observed:
    """Return what is observed once so many copies were answered."""
    until = time.monotonic() + 15
    while (seen := target.observe("flights")).candidate.shadow_requests < copies and time.monotonic() < until:
        time.sleep(0.1)
    return seen


def logged(home: Path) -> list[str]:
    """Return the version of every prediction in the log."""
    files = (home / "store" / "predictions" / "flights").rglob("*.parquet")
    tables = [pq.read_table(file, partitioning=None) for file in files]
    return sorted(version for table in tables for version in table["version"].to_pylist())


def test_a_shadow_gets_a_copy_of_everything_and_answers_nobody(rig: GatewayRig) -> None:
    rig.target.apply("flights", shadowed(rig))
    asked = [0.1, 0.3, 0.6, 0.9]
    first = [answer_to(rig, x) for x in asked]
    seen = after_copies(rig.target, 4)
    assert seen.state == shadowed(rig)
    assert (seen.champion.requests, seen.candidate.requests) == (4, 0)
    assert (seen.candidate.shadow_requests, seen.candidate.shadow_failures) == (4, 0)
    rig.target.apply("flights", State(placed(rig.bundles[1])))
    second = [answer_to(rig, x) for x in asked]
    differ = max(abs(one - other) for one, other in zip(first, second, strict=True))
    assert seen.candidate.shadow_largest_difference == pytest.approx(differ, rel=1e-12)
    assert differ > 0.01


def test_a_request_that_nobody_can_answer_is_no_failure_of_the_shadow(rig: GatewayRig) -> None:
    rig.target.apply("flights", shadowed(rig))
    with pytest.raises(KeyError, match="outputs"):
        answer_to(rig, float("nan"))
    answer_to(rig, 0.5)
    seen = after_copies(rig.target, 1)
    assert (seen.candidate.shadow_requests, seen.candidate.shadow_failures) == (1, 0)


def test_no_copy_is_in_the_prediction_log_also_from_a_pod_that_came_anew(rig: GatewayRig) -> None:
    one, two = (placed(rig.packaged_anew(number, log_predictions=True)) for number in (6, 7))
    logging = rig.opened_anew(log_predictions=True)
    logging.apply("flights", State(one, two, 0, shadow=True))
    rig.send(10)
    assert after_copies(logging, 10).candidate.shadow_requests == 10
    rig.restart()
    rig.send(5)
    assert after_copies(logging, 5).candidate.shadow_requests == 5
    logging.flush("flights")
    assert set(logged(rig.home)) == {"6"}
    assert logged(rig.home).count("6") >= 5, "what was answered just before a pod was killed is lost with it"
    before = len(logged(rig.home))
    logging.apply("flights", State(one, two, 50))
    answered = rig.send(20)
    logging.flush("flights")
    assert logged(rig.home).count("7") == answered["7"] > 0
    assert len(logged(rig.home)) == before + 20


def test_a_mirror_that_somebody_edits_is_shown_and_put_right(rig: GatewayRig) -> None:
    rig.target.apply("flights", shadowed(rig))
    name = name_of(rig.workspace, "flights")
    found = rig.cluster.get(f"{GROUP}/v1", "HTTPRoute", name)
    assert found is not None
    del found["spec"]["rules"][0]["filters"][1]
    rig.cluster.patch(f"{GROUP}/v1", "HTTPRoute", name, {"spec": found["spec"]})
    assert rig.target.observe("flights").state == State()
    rig.target.apply("flights", shadowed(rig))
    assert rig.target.observe("flights").state == shadowed(rig)


def test_copies_beside_a_share_are_refused(rig: GatewayRig) -> None:
    with pytest.raises(
        BundleError, match="flights: a shadow gets copies and answers nobody, here it would answer 10 %"
    ):
        rig.target.apply("flights", State(placed(rig.bundles[0]), placed(rig.bundles[1]), 10, shadow=True))


def test_releases_climb_by_a_shadow_and_a_shadow_that_fails_is_rolled_back(rig: GatewayRig) -> None:
    """The very last: the ledger knows a champion from here on."""
    lines: list[str] = []
    rules = {"shadow": True, "steps": [50, 100], "min_requests": 40}
    rig.target.apply("flights", State())
    assert run_release(rig, 1, lines, **rules) == "RELEASED"
    with requests_all_the_time(rig) as answered:
        assert run_release(rig, 2, lines, **rules) == "RELEASED", lines
    passed = re.search(r"shadow: PROMOTE, on to 50 %: shadow: (\d+) requests copied, .* at most ([\d.]+)", str(lines))
    assert passed is not None, lines
    assert int(passed[1]) >= 40
    assert float(passed[2]) > 0.01
    assert set(answered) == {"1", "2"}
    rig.gateway.refuses_copies = "RequestMirror is not known"
    with (
        requests_all_the_time(rig) as answered,
        pytest.raises(BundleError, match=r"does not take HTTPRoute .*: UnsupportedValue: RequestMirror is not known"),
    ):
        run_release(rig, 3, lines, **rules)
    assert rig.target.observe("flights").state == State(placed(rig.bundles[1]))
    assert set(answered) == {"2"}
    rig.gateway.refuses_copies = ""
    rig.bundles = (*rig.bundles[:2], rig.packaged_anew(4, features=GIVING_UP))
    with requests_all_the_time(rig) as answered:
        assert run_release(rig, 3, lines, **rules) == "ROLLED_BACK", lines
    assert re.search(r"shadow: ROLL_BACK, rolling back: (\d+) of \1 failed, champion 0 of ", str(lines)), lines
    assert set(answered) == {"2"}
    rig.bundles = (*rig.bundles[:2], rig.packaged_anew(5))
    rig.gateway.mirrors = False
    with requests_all_the_time(rig) as answered:
        assert run_release(rig, 3, lines, **rules | {"step_timeout": "10s"}) == "ROLLED_BACK", lines
    assert "0 of 40 requests: the champion answered" in str(lines)
    assert set(answered) == {"2"}
