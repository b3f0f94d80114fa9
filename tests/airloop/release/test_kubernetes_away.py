"""The API server goes away at moments of a rollout: the champion serves, and a short while costs nothing but time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.kubernetes_cluster import require
from tests.kubernetes_door import FrontDoor, Watched, door_of

from airloop.cluster.reaching import close_connections
from airloop.errors import Unreachable
from airloop.refs import BundleRef, ReleaseRef
from airloop.release.kubernetes import KubernetesTarget
from airloop.release.target import State
from airloop.release.waiting import Pace
from airloop.spec.model import Spec
from airloop.workspace import Workspace

from .conftest import pipeline_with
from .kubernetes_rig import SMALL, KubernetesRig
from .rigs import released
from .test_conformance import placed, requests_all_the_time

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]

RULES = {"steps": [50, 100], "min_requests": 60, "max_latency_ratio": 1000, "step_timeout": "120s"}
UNDECIDED = {"steps": [50, 100], "min_requests": 1_000_000, "step_timeout": "2s"}
"""Rolled back as soon as the time of its first step is over."""
SHORT_S = 2.5
"""More than the retries of one request sit out."""
MOMENTS = {
    "starting pods": "PATCH .*/deployments/",
    "waiting for pods": "GET .*/replicasets",
    "switching": "PATCH .*/services/",
    "observing": "GET .*/proxy/",
    "promoting": "",
    "cleaning up": "",
}
"""The first request of each, as it goes out; promoting begins with a line in the ledger, cleaning up with ``keep``."""
NUMBERS = itertools.count(4)


class Keeping(KubernetesTarget):
    """A target at which something happens once, before old versions are removed."""

    def __init__(self, workspace: Workspace, spec: Spec) -> None:
        super().__init__(workspace, spec)
        self.before: list[Callable[[], None]] = []

    def keep(self, pipeline: str, bundles: Collection[str]) -> tuple[str, ...]:
        while self.before:
            self.before.pop()()
        return super().keep(pipeline, bundles)


@dataclass
class Way:
    """The rig, with a door and a look-out on Airloop's own way to the API server."""

    rig: KubernetesRig
    target: Keeping
    door: FrontDoor
    watched: Watched

    def release(
        self,
        bundle: BundleRef,
        report: Callable[[str], None] = print,
        silence_s: float = 60.0,
        rules: Mapping[str, Any] = RULES,
    ) -> ReleaseRef:
        pace = Pace(look_every_s=0.3, tell_every_s=1, silence_s=silence_s)
        return released(self.rig, bundle, rules, pace, report=report, target=self.target)

    def shut_at(self, moment: str, act: Callable[[], None]) -> Callable[[str], None]:
        """Arrange for ``act`` at a moment; return what takes the lines that a release reports."""
        if MOMENTS[moment]:
            self.watched.when(MOMENTS[moment], act)
        if moment == "cleaning up":
            self.target.before.append(act)

        def report(line: str) -> None:
            print(line)
            if moment == "promoting" and line.startswith("committed"):
                act()

        return report


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """A champion; what looks at the cluster in the tests' name does so by no door."""
    from kubernetes import config

    home = tmp_path_factory.mktemp("away")
    with closing(KubernetesRig(home)) as rig, door_of(require(), home) as (door, kubeconfig):
        api = config.new_client_from_config(kubeconfig)
        watched = api.rest_client.pool_manager = Watched(api.rest_client.pool_manager)
        rig.workspace = replace(rig.workspace, kubernetes=replace(rig.workspace.kubernetes, client=lambda: api))
        rig.target = rig.opened_anew()
        spec = pipeline_with(home).spec.model_copy(update={"serving": SMALL})
        way = Way(rig, Keeping(rig.workspace, spec), door, watched)
        assert way.release(rig.bundles[0]).outcome == "RELEASED"
        yield way
        close_connections(api)


@pytest.fixture
def way(stack: Way) -> Iterator[Way]:
    """The stack; afterwards one version is served, another one at most is warm, and nothing else is there."""
    yield stack
    stack.door.open()
    live = stack.rig.workspace.ledger.live("flights", "kubernetes")
    assert live is not None
    assert stack.rig.target.observe("flights").state.champion.bundle == live.bundle
    assert stack.rig.target.observe("flights").state.candidate is None
    assert live.version in stack.rig.deployments() and len(stack.rig.deployments()) <= 2


@pytest.mark.parametrize("moment", MOMENTS)
def test_away_for_long_the_release_ends_and_its_next_try_makes_it(way: Way, moment: str) -> None:
    rig, bundle, live = (
        way.rig,
        way.rig.packaged_anew(next(NUMBERS)),
        way.rig.workspace.ledger.live("flights", "kubernetes"),
    )
    with requests_all_the_time(rig) as answered:
        report = way.shut_at(moment, way.door.shut)
        with pytest.raises(Unreachable, match=r"API server at https://127.0.0.1:\d+ does not answer") as told:
            way.release(bundle, report, silence_s=1)
        assert not way.watched.is_waiting and not way.target.before, "it never came to that"
        assert told.value.retryable
        before = answered.total()
        while answered.total() < before + 20:
            time.sleep(0.05)
        way.door.open()
        assert way.release(bundle).outcome == "RELEASED"
    assert set(answered) <= {live.version if live else "", bundle.version}
    assert rig.send(20) == {bundle.version: 20}
    assert rig.target.observe("flights").state == State(placed(bundle))


def test_away_for_seconds_at_each_step_one_release_goes_on(way: Way) -> None:
    rig, bundle, reports = way.rig, way.rig.packaged_anew(next(NUMBERS)), []
    moments = list(MOMENTS)

    def next_moment() -> None:
        if moments:
            reports.append(way.shut_at(moments.pop(0), lambda: (way.door.shut(SHORT_S), next_moment())))

    next_moment()
    with requests_all_the_time(rig) as answered:
        ended = way.release(bundle, lambda line: reports[-1](line))
    assert (ended.outcome, moments, way.watched.is_waiting) == ("RELEASED", [], False)
    assert bundle.version in answered
    assert rig.send(20) == {bundle.version: 20}


@pytest.mark.parametrize("away_s", [SHORT_S, None], ids=["seconds", "long"])
def test_away_while_a_candidate_is_rolled_back_it_is_taken_away_all_the_same(way: Way, away_s: float | None) -> None:
    rig, bundle, lines = way.rig, way.rig.packaged_anew(next(NUMBERS)), []
    live = rig.workspace.ledger.live("flights", "kubernetes")
    assert live is not None

    def report(line: str) -> None:
        lines.append(line)
        if line.startswith("50 %: INCONCLUSIVE, rolling back"):
            way.door.shut(away_s) if away_s else way.door.shut()

    with requests_all_the_time(rig) as answered:
        if away_s is None:
            told = r"ended as ROLLED_BACK, but the target could not be told to serve version \d+ .* does not answer"
            with pytest.raises(Unreachable, match=told):
                way.release(bundle, report, silence_s=1, rules=UNDECIDED)
            way.door.open()
        ended = way.release(bundle, report, rules=UNDECIDED)
    assert any(line.startswith("50 %: INCONCLUSIVE, rolling back") for line in lines), "it never came to that"
    assert away_s is None or any(line.startswith("no answer, trying again") for line in lines), lines
    assert ended.outcome == "ROLLED_BACK"
    assert (ended.reasons[-1] == "start a new run to try again") is (away_s is None)
    assert set(answered) == {live.version, bundle.version}
    assert rig.send(20) == {live.version: 20}
