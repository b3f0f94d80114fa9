"""20,000 requests through the gateway while releases come and go: none is lost, and shares are what they should be."""

from __future__ import annotations

import http.client
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from airloop.refs import BundleRef
from airloop.release.target import State
from airloop.release.waiting import Pace
from airloop.serving.tokens import read_or_make

from .docker_rig import DockerRig
from .rigs import FAILING, model_bundle, released
from .test_conformance import placed

pytestmark = pytest.mark.docker
REQUESTS = 20_000
ENOUGH = 2_000
"""Requests by which a share is judged."""
SENDERS = 4
RULES = {"steps": [10, 50, 100], "min_requests": 100, "max_latency_ratio": 1000, "step_timeout": "120s"}


@dataclass
class Load:
    """Senders that go on until it ``is_over``; every fifth row is above 1."""

    url: str
    token: str
    answered: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def send(self) -> None:
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        number = 0
        while not self.is_over.is_set() and not self.failed:
            number += 1
            x = 2.0 if number % 5 == 0 else 0.5
            body = json.dumps({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [x]}]})
            try:
                connection.request("POST", f"{where.path}/v2/models/flights/infer", body, headers)
                answer = connection.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                return
            if answer.status != 200:
                self.failed.append(f"{answer.status}: {said.decode()}")
                return
            self.answered[json.loads(said)["model_version"]] += 1


@contextmanager
def load(rig: DockerRig) -> Iterator[Load]:
    given = Load(rig.workspace.gateway_url, read_or_make(rig.home).infer)
    senders = [threading.Thread(target=given.send) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        yield given
    finally:
        given.is_over.set()
        for sender in senders:
            sender.join(120)
    assert given.failed == []


def run_release(rig: DockerRig, bundle: BundleRef, lines: list[str]) -> str:
    return released(rig, bundle, RULES, Pace(look_every_s=0.3, tell_every_s=1), report=lines.append).outcome


def measured_share(rig: DockerRig, percent: int) -> tuple[int, int]:
    """Return how many requests the candidate got of how many, once there are enough."""
    rig.target.apply("flights", State(placed(rig.bundles[0]), placed(rig.bundles[1]), percent))
    while True:
        time.sleep(0.2)
        seen = rig.target.observe("flights")
        got, of = seen.candidate.requests, seen.candidate.requests + seen.champion.requests
        if of > ENOUGH:
            return got, of


@pytest.mark.timeout(600)
def test_no_request_is_lost_whatever_becomes_of_a_release(stack: DockerRig) -> None:
    rig, lines = stack, []
    rig.target.apply("flights", State())
    failing = rig.packaged(model_bundle(rig.workspace, 5, features=FAILING))
    assert run_release(rig, rig.bundles[0], lines) == "RELEASED", lines
    (gateway,) = rig.containers("gateway")
    with load(rig) as sent:
        shares = {percent: measured_share(rig, percent) for percent in (10, 50)}
        assert run_release(rig, rig.bundles[1], lines) == "RELEASED", lines
        assert run_release(rig, failing, lines) == "ROLLED_BACK", lines
        reloads = 0
        while (reloads < 3 or sent.answered.total() < REQUESTS) and not sent.failed:
            rig.engine.containers.get(gateway).kill("HUP")
            reloads += 1
            time.sleep(0.3)
    assert sent.answered.total() >= REQUESTS
    assert set(sent.answered) == {"1", "2", "5"}
    for percent, (got, of) in shares.items():
        share, deviation = percent / 100, math.sqrt(of * percent / 100 * (1 - percent / 100))
        assert abs(got - share * of) < 4.5 * deviation, (percent, got, of)
    assert rig.send(20) == {"2": 20}
    assert "failed" in "".join(line for line in lines if "ROLL_BACK" in line)
