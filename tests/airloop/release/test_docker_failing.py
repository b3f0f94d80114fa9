"""A candidate that fails or refuses what the champion answers: no client notices, and the release rolls it back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from airloop.refs import BundleRef
from airloop.release.evidence import NO_TRAFFIC, Traffic
from airloop.release.target import State
from airloop.release.waiting import Pace

from .docker_rig import DockerRig
from .rigs import FAILING, GIVING_UP, model_bundle, released
from .test_conformance import placed, requests_all_the_time

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

PATH = "/v2/models/flights/infer"
HIGH = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [2.0]}]}
MISTAKE = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": ["no number"]}]}
UNCOUNTED = {"latency_p50_ms": 0.0, "latency_p99_ms": 0.0}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRig]:
    """A stack with a ledger of its own, that has version 1 as live."""
    with closing(DockerRig(tmp_path_factory.mktemp("stack"))) as rig:
        lines: list[str] = []
        assert run_release(rig, rig.bundles[0], lines) == "RELEASED", lines
        yield rig


@pytest.fixture(scope="module")
def bad(stack: DockerRig) -> dict[str, BundleRef]:
    """Candidates that answer no row above 1: with a broken feature, by giving up, and for want of a column."""
    return {
        "breaks": stack.packaged(model_bundle(stack.workspace, 6, features=FAILING)),
        "gives up": stack.packaged(model_bundle(stack.workspace, 7, features=GIVING_UP)),
        "wants another column": stack.packaged(model_bundle(stack.workspace, 8, private=("passport",))),
    }


@pytest.fixture
def rig(stack: DockerRig) -> Iterator[DockerRig]:
    """A stack that serves version 1, and does so afterwards."""
    stack.target.apply("flights", State(placed(stack.bundles[0])))
    yield stack
    stack.target.apply("flights", State(placed(stack.bundles[0])))


def ask(rig: DockerRig, body: object, times: int, status: int = 200) -> None:
    """Send requests; each is answered by version 1, or refused with ``status``."""
    for _ in range(times):
        answer = rig.client.post(PATH, json=body)
        assert answer.status_code == status, answer.text
        assert status != 200 or answer.json()["model_version"] == "1"


def counted(traffic: Traffic) -> Traffic:
    return replace(traffic, **UNCOUNTED)


@pytest.mark.parametrize("how", ["breaks", "gives up", "wants another column"])
def test_what_only_the_candidate_fails_on_is_answered_and_counted_once(
    rig: DockerRig, bad: dict[str, BundleRef], how: str
) -> None:
    rig.target.apply("flights", State(placed(rig.bundles[0]), placed(bad[how]), 100))
    ask(rig, HIGH, 30)
    ask(rig, MISTAKE, 20, status=400)
    seen = rig.target.observe("flights")
    assert counted(seen.candidate) == Traffic(requests=30, failures=30)
    assert counted(seen.champion) == Traffic(requests=30)


@pytest.mark.parametrize("how", ["breaks", "gives up", "wants another column"])
def test_a_shadow_that_fails_on_what_was_answered_is_counted(
    rig: DockerRig, bad: dict[str, BundleRef], how: str
) -> None:
    rig.target.apply("flights", State(placed(rig.bundles[0]), placed(bad[how]), 0, shadow=True))
    ask(rig, HIGH, 30)
    ask(rig, MISTAKE, 20, status=400)
    expected = Traffic(shadow_requests=30, shadow_failures=30)
    until = time.monotonic() + 10
    while counted(rig.target.observe("flights").candidate) != expected and time.monotonic() < until:
        time.sleep(0.05)
    seen = rig.target.observe("flights")
    assert (counted(seen.candidate), counted(seen.champion)) == (expected, Traffic(requests=30))


def test_a_client_s_mistakes_are_nobody_s_failures(rig: DockerRig) -> None:
    rig.target.apply("flights", State(placed(rig.bundles[0]), placed(rig.bundles[1]), 50))
    ask(rig, MISTAKE, 30, status=400)
    seen = rig.target.observe("flights")
    assert (counted(seen.candidate), counted(seen.champion)) == (NO_TRAFFIC, NO_TRAFFIC)


@pytest.mark.parametrize("shadow", [False, True], ids=["canary", "shadow"])
@pytest.mark.parametrize("how", ["gives up", "wants another column"])
def test_a_release_of_it_is_rolled_back_and_no_client_notices(
    rig: DockerRig, bad: dict[str, BundleRef], how: str, shadow: bool
) -> None:
    lines: list[str] = []
    with requests_all_the_time(rig) as answered:
        assert run_release(rig, bad[how], lines, shadow=shadow) == "ROLLED_BACK", lines
    assert set(answered) == {"1"}
    (said,) = [line for line in lines if "ROLL_BACK" in line]
    step = "shadow" if shadow else "50 %"
    assert re.match(rf"{step}: ROLL_BACK, rolling back: (\d+) of \1 failed, champion 0 of \d+: beyond the 0\.0%", said)
    assert rig.target.observe("flights").state == State(placed(rig.bundles[0]))


def run_release(rig: DockerRig, bundle: BundleRef, lines: list[str], *, shadow: bool = False) -> str:
    rules = {"steps": [50, 100], "min_requests": 50, "max_latency_ratio": 1000, "step_timeout": "60s", "shadow": shadow}
    pace = Pace(look_every_s=0.2, tell_every_s=1)
    return released(rig, bundle, rules, pace, report=lines.append, run_id=f"run-{bundle.version}-{shadow}").outcome
