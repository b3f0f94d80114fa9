"""10,000 requests across each kind of release and roll back on a cluster: none is lost, whatever becomes of it."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pytest

from airloop.refs import BundleRef, ReleaseRef
from airloop.release import roll_back
from airloop.release.target import State
from airloop.release.waiting import Pace
from airloop.serving.tokens import read_or_make

from .conftest import pipeline_with
from .kubernetes_rig import KubernetesRig, NotAnswered, ask
from .rigs import FAILING, GIVING_UP, model_bundle, released
from .test_conformance import placed, requests_all_the_time
from .test_kubernetes import wait_until

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(900)]
REQUESTS = 10_000
SENDERS = 4
RULES = {"steps": [20, 100], "min_requests": 100, "max_latency_ratio": 4, "step_timeout": "180s"}
SLOW = b"""
import time


def build(frame):
    return frame


def arrays(columns):
    if (columns["x"] > 1).any():
        time.sleep(1)
    return columns
"""


@dataclass
class Load:
    """Senders that go on until REQUESTS are answered and it ``is_over``; every fifth row is above 1."""

    address: str
    token: str
    answered: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def send(self) -> None:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json", "connection": "close"}
        number = 0
        while (self.answered.total() < REQUESTS or not self.is_over.is_set()) and not self.lost:
            number += 1
            try:
                self.answered[ask(self.address, headers, 2.0 if number % 5 == 0 else 0.5)] += 1
            except NotAnswered as error:
                self.refused[error.status] += 1
            except OSError as error:
                self.lost.append(repr(error))


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesRig]:
    with closing(KubernetesRig(tmp_path_factory.mktemp("traffic"))) as rig:
        rig.target.apply("flights", State())
        assert run_release(rig, rig.bundles[0]).outcome == "RELEASED"
        yield rig


@contextmanager
def load(rig: KubernetesRig) -> Iterator[Load]:
    given = Load(rig.address, read_or_make(rig.home).infer)
    senders = [threading.Thread(target=given.send) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        yield given
    finally:
        given.is_over.set()
        for sender in senders:
            sender.join(300)
    assert given.lost == []
    assert given.answered.total() + given.refused.total() >= REQUESTS


def run_release(rig: KubernetesRig, bundle: BundleRef) -> ReleaseRef:
    return released(rig, bundle, RULES, Pace(look_every_s=0.5, tell_every_s=5))


def test_a_canary_gets_its_share_and_is_promoted(rig: KubernetesRig) -> None:
    with load(rig) as sent:
        rig.target.apply("flights", State(placed(rig.bundles[0]), placed(rig.bundles[1]), 20))
        until, got, of = time.monotonic() + 120, 0, 0
        while of < 1500 and time.monotonic() < until:
            time.sleep(0.5)
            seen = rig.target.observe("flights")
            got, of = seen.candidate.requests, seen.candidate.requests + seen.champion.requests
        assert run_release(rig, rig.bundles[1]).outcome == "RELEASED"
    assert abs(got - 0.2 * of) < 4.5 * math.sqrt(of * 0.2 * 0.8), (got, of)
    assert (set(sent.answered), sent.refused) == ({"1", "2"}, Counter())
    assert rig.send(20) == {"2": 20}


@pytest.mark.parametrize(
    ("number", "features", "reason"),
    [(5, FAILING, "failed"), (6, GIVING_UP, "failed"), (7, SLOW, "above the limit")],
    ids=["errors", "no-answers", "latency"],
)
def test_a_worse_version_is_rolled_back_by_itself(
    rig: KubernetesRig, number: int, features: bytes, reason: str
) -> None:
    live = rig.workspace.ledger.live("flights", "kubernetes")
    assert live is not None
    worse = rig.packaged(model_bundle(rig.workspace, number, features=features))
    with load(rig) as sent:
        ref = run_release(rig, worse)
    assert ref.outcome == "ROLLED_BACK"
    assert reason in " ".join(ref.reasons)
    # Nobody asks the champion again for what the candidate itself has refused.
    assert (reason == "failed") is bool(sent.refused)
    assert rig.send(20) == {live.version: 20}
    assert set(rig.deployments()) <= {live.version, "1"}


def test_a_person_rolls_back_in_seconds(rig: KubernetesRig) -> None:
    with load(rig):
        assert run_release(rig, rig.bundles[2]).outcome == "RELEASED"
    before = rig.workspace.ledger.champions("flights", "kubernetes")[1]
    with load(rig) as sent:
        began = time.monotonic()
        back = roll_back(
            rig.workspace,
            pipeline_with(rig.workspace.pipelines),
            to=None,
            reason="wrong",
            by="ann",
            run_id="undo",
            report=print,
            target=rig.target,
        )
        took_s = time.monotonic() - began
    assert back.version == before.version
    print(f"rolled back in {took_s:.1f} s")
    assert took_s < 20
    assert (set(sent.answered), sent.refused) == ({"3", before.version}, Counter())
    assert rig.send(20) == {before.version: 20}


@pytest.mark.parametrize("ends", ["back", "promoted"])
def test_a_share_ends_under_a_quota_that_has_no_room_beside_it(rig: KubernetesRig, ends: str) -> None:
    """88 % takes one pod of the champion and seven of the candidate, 12 % the other way round; three answer alone."""
    one, two = placed(rig.bundles[0]), placed(rig.bundles[1])
    three = rig.opened_anew(replicas=3, cpus=0.2)
    three.apply("flights", State(one))
    three.apply("flights", State(one, two, 88 if ends == "back" else 12))
    wait_until(lambda: len(rig.pods()) == 8)
    quota = {"metadata": {"name": "full"}, "spec": {"hard": {"pods": "8"}}}
    rig.cluster.core.create_namespaced_resource_quota(rig.cluster.namespace, quota)
    alone = State(one if ends == "back" else two)
    try:
        with requests_all_the_time(rig) as answered:
            began = time.monotonic()
            three.apply("flights", alone)
            took_s = time.monotonic() - began
        print(f"{ends} in {took_s:.1f} s")
        if ends == "back":  # What is promoted waits for the kubelet, which may take 80 s to remove pods that ended.
            assert took_s < 60
        assert set(answered) == {"1", "2"}
        assert three.observe("flights").state == alone
        assert set(rig.send(20)) == {alone.champion.version}
        wait_until(lambda: len(rig.ready_pods(alone.champion.version)) == 3)
    finally:
        rig.cluster.core.delete_namespaced_resource_quota("full", rig.cluster.namespace)
