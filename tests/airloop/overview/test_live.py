"""What targets serve now, asked of real servers: one that answers, one that is silent, and none."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.airloop.release.rigs import LocalRig

from airloop.overview.live import FRESH_S, Watching
from airloop.overview.telling_live import Look, differences, live_of
from airloop.release.evidence import NO_TRAFFIC, Traffic
from airloop.release.target import Observed, Placed, State
from airloop.serving.tokens import read_or_make
from airloop.workspace import Workspace

MARCH = datetime(2013, 3, 18, tzinfo=UTC)
SPEC = """\
name: {name}
data: {{source: {{path: "x/*.parquet"}}, partition: none, label: {{column: late}}}}
model: {{task: binary}}
release: {{target: {target}}}
"""
ONE, TWO = Placed("1" * 64, "1"), Placed("2" * 64, "2")
ALONE = State(ONE)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def describe(folder: Path, name: str, target: str = "local") -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "pipeline.yaml").write_text(SPEC.format(name=name, target=target), encoding="utf-8")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A home with tokens, two described pipelines, and servers where nobody listens."""
    describe(tmp_path / "pipelines", "flights")
    describe(tmp_path / "pipelines", "trains", "docker")
    read_or_make(tmp_path)
    places = {"AIRLOOP_HOME": str(tmp_path), "AIRLOOP_PIPELINES": str(tmp_path / "pipelines")}
    nobody = {"AIRLOOP_SERVER": "http://127.0.0.1:1", "AIRLOOP_GATEWAY_ADMIN": "http://127.0.0.1:1"}
    return Workspace.from_environment(places | nobody).onlooking()


def test_a_server_that_is_not_there_is_told_for_each_pipeline(workspace):
    flights, trains = Watching().look(workspace, ["flights", "trains"])
    assert (flights.pipeline, flights.target, flights.champion) == ("flights", "local", None)
    assert flights.problem.startswith("no model server at http://127.0.0.1:1: ")
    assert trains.problem.startswith("the gateway at http://127.0.0.1:1 does not say who serves trains: ")
    assert not (workspace.home / "ledger.db").exists()


def test_a_server_that_hangs_is_waited_for_in_bounded_time(workspace):
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        hanging = replace(workspace, server_url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        (flights,) = Watching(patience_s=0.3).look(hanging, ["flights"])
        assert time.monotonic() - started < 2
    assert "did not answer" in flights.problem


def test_without_tokens_none_are_made(workspace):
    shutil.rmtree(workspace.home / "secrets")
    (flights,) = Watching().look(workspace, ["flights"])
    assert flights.problem.startswith("there are no tokens in ")
    assert not (workspace.home / "secrets").exists()


def test_a_pipeline_that_nobody_knows_is_left_out(workspace):
    assert Watching().look(workspace, ["planes"]) == []


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRig]:
    """A real model server in a process of its own."""
    running = LocalRig(tmp_path_factory.mktemp("rig"))
    for name in ("flights", "trains"):
        describe(running.home / "pipelines", name)
    try:
        yield running
    finally:
        running.close()


def looking(rig: LocalRig) -> Workspace:
    return replace(rig.workspace, pipelines=rig.home / "pipelines").onlooking()


@pytest.mark.slow
def test_the_model_server_tells_shares_counts_and_rates(rig):
    first, second, _ = rig.bundles
    one, two = Placed(first.digest, "1"), Placed(second.digest, "2")
    rig.target.apply("flights", State(one, two, 50))
    clock = Clock()
    watching = Watching(clock)
    flights, trains = watching.look(looking(rig), ["flights", "trains"])
    assert (flights.champion.version, flights.champion.percent, flights.champion.requests) == ("1", 50, 0)
    assert (flights.champion.per_second, flights.champion.p99_ms) == (None, None)
    assert (flights.candidate.version, flights.candidate.percent) == ("2", 50)
    assert flights.endpoint == f"{rig.workspace.server_url}/v2/models/flights/infer"
    assert (trains.problem, trains.champion) == ("", None)
    rig.send(40)
    clock.seconds += 10
    (after,) = watching.look(looking(rig), ["flights"])
    assert after.champion.requests + after.candidate.requests == 40
    assert after.champion.per_second + after.candidate.per_second == pytest.approx(4.0)
    assert after.champion.p50_ms > 0
    assert after.champion.p99_ms >= after.champion.p50_ms


@pytest.mark.slow
def test_it_is_looked_at_once_in_some_seconds_however_many_ask(rig):
    rig.target.apply("flights", State(Placed(rig.bundles[0].digest, "1")))
    clock = Clock()
    watching = Watching(clock)
    watching.look(looking(rig), ["flights"])
    rig.send(5)
    clock.seconds += FRESH_S - 0.1
    assert watching.look(looking(rig), ["flights"])[0].champion.requests == 0
    clock.seconds += 0.1
    assert watching.look(looking(rig), ["flights"])[0].champion.requests == 5


@pytest.mark.slow
def test_what_the_ledger_does_not_know_is_a_difference_and_a_rollout_is_none(rig):
    first, second, _ = rig.bundles
    one, two = Placed(first.digest, "1"), Placed(second.digest, "2")
    ledger, given = rig.workspace.ledger, {"data_cut_off": MARCH, "run_id": "r", "reasons": []}
    ledger.promote("flights", "local", bundle=first.digest, version="1", expected_generation=0, **given)
    rig.target.apply("flights", State(one))
    assert Watching().look(looking(rig), ["flights"])[0].differences == ()
    rig.target.apply("flights", State(one, two, 10))
    (lost,) = Watching().look(looking(rig), ["flights"])
    assert lost.differences == (
        "a candidate is on the target: version 1 with candidate 2 (10 %); a rollout is on its way, or its run died",
    )
    lease = ledger.take_lease("flights", "local", "run-2", seconds=60)
    assert Watching().look(looking(rig), ["flights"])[0].differences == ()
    ledger.give_lease_back(lease)
    rig.target.apply("flights", State(two))
    (other,) = Watching().look(looking(rig), ["flights"])
    assert len(other.differences) == 1
    assert "the ledger says version 1 (generation 1" in other.differences[0]


def seen(at: float, champion: Traffic, candidate: Traffic = NO_TRAFFIC, *, state: State = ALONE) -> Look:
    return Look(at, "docker", "", Observed(state, champion, candidate))


def test_a_rate_needs_a_look_shortly_before():
    now = seen(130.0, Traffic(requests=90))
    assert live_of("flights", now, seen(100.0, Traffic(requests=30))).champion.per_second == 2.0
    assert live_of("flights", now, seen(40.0, Traffic(requests=30))).champion.per_second is None
    assert live_of("flights", now, None).champion.per_second is None
    assert live_of("flights", now, Look(100.0, "docker", problem="silent")).champion.per_second is None


def test_counts_that_began_anew_are_all_new():
    assert live_of("flights", seen(110.0, Traffic(requests=20)), seen(100.0, Traffic(requests=900))).champion == (
        live_of("flights", seen(110.0, Traffic(requests=20)), seen(100.0, Traffic())).champion
    )


def test_a_candidate_that_became_champion_goes_on_with_its_own_counts():
    before = seen(100.0, Traffic(requests=500), Traffic(requests=50), state=State(ONE, TWO, 50))
    after = seen(110.0, Traffic(requests=70), state=State(TWO))
    assert live_of("flights", after, before).champion.per_second == 2.0


def test_a_shadow_counts_the_copies_that_it_got():
    copied = Traffic(shadow_requests=30, shadow_failures=2)
    shadow = live_of("flights", seen(100.0, Traffic(requests=30), copied, state=State(ONE, TWO, 0, True)), None)
    assert shadow.is_shadow
    assert (shadow.candidate.percent, shadow.candidate.requests, shadow.candidate.failures) == (0, 30, 2)


def test_images_are_not_what_differs():
    state = State(replace(ONE, image="sha256:1"))
    assert differences(state, None, is_releasing=False) == (
        "the ledger says nothing is live, the target serves version 1",
    )
