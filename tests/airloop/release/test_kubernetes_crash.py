"""A candidate whose pods die of some requests: no count says so, for a pod takes its counts along."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from airloop.release.target import State
from airloop.release.waiting import Pace
from airloop.serving.tokens import read_or_make

from .kubernetes_rig import KubernetesRig, NotAnswered, ask
from .rigs import released
from .test_conformance import placed

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]
RULES = {"steps": [50, 100], "min_requests": 100_000, "max_latency_ratio": 1000, "step_timeout": "120s"}
CRASHING = b"""
import os
import sys


def build(frame):
    return frame


def arrays(columns):
    if (columns["x"] > 1).any():
        print("a row that nobody thought of", file=sys.stderr, flush=True)
        os._exit(3)
    return columns
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesRig]:
    with closing(KubernetesRig(tmp_path_factory.mktemp("crash"))) as rig:
        rig.target.apply("flights", State())
        assert released(rig, rig.bundles[0], {"steps": [100]}, Pace(look_every_s=0.3)).outcome == "RELEASED"
        yield rig


@contextmanager
def odd_requests(rig: KubernetesRig) -> Iterator[None]:
    """Send requests all the time, every fiftieth of a row above 1; nobody minds what becomes of them."""
    headers = {"authorization": f"Bearer {read_or_make(rig.home).infer}", "content-type": "application/json"}
    is_over, address = threading.Event(), rig.address

    def send() -> None:
        number = 0
        while not is_over.wait(0.02):
            number += 1
            with suppress(OSError, NotAnswered):
                ask(address, headers | {"connection": "close"}, 2.0 if number % 50 == 0 else 0.5)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        is_over.set()
        sender.join(60)


def test_a_candidate_whose_pods_crash_is_rolled_back_with_their_last_words(rig: KubernetesRig) -> None:
    bundle = rig.packaged_anew(4, features=CRASHING)
    with odd_requests(rig):
        ref = released(rig, bundle, RULES, Pace(look_every_s=0.3, tell_every_s=0.3))
    assert ref.outcome == "ROLLED_BACK"
    told = r"pod \S+: container \S+ ended with exit code 3\. It said last: .*a row that nobody thought of"
    assert re.match(told, ref.reasons[0], re.DOTALL), ref.reasons
    assert rig.target.observe("flights").state == State(placed(rig.bundles[0]))
    assert rig.send(10) == {"1": 10}
