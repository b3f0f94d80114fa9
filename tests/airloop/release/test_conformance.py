"""What every target must do; a new one is added to the fixture ``rig`` and passes as it is."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from airloop.errors import BundleError, Unreachable
from airloop.refs import BundleRef
from airloop.release import roll_back
from airloop.release.evidence import NO_TRAFFIC
from airloop.release.target import Observed, Placed, State
from airloop.release.waiting import Pace

from .conftest import pipeline_with
from .docker_rig import DockerRig
from .kubernetes_rig import KubernetesRig
from .rigs import LocalRig, Rig, SimulatedRig, released

QUICK = Pace(look_every_s=0.05, tell_every_s=0.5)


RIGS = {"simulated": SimulatedRig, "local": LocalRig, "docker": DockerRig, "kubernetes": KubernetesRig}


@pytest.fixture(
    scope="module",
    params=[
        "simulated",
        pytest.param("local", marks=pytest.mark.slow),
        pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.timeout(300)]),
        pytest.param("kubernetes", marks=[pytest.mark.kubernetes, pytest.mark.timeout(600)]),
    ],
)
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with closing(RIGS[request.param](tmp_path_factory.mktemp(request.param))) as rig:
        yield rig


@pytest.fixture
def rig(started: Rig) -> Rig:
    """A target that serves nothing."""
    started.target.apply("flights", State())
    return started


@contextmanager
def requests_all_the_time(rig: Rig) -> Iterator[Counter[str]]:
    """Send requests from another thread; each must be answered well, and the counts are given when it is over."""
    answered: Counter[str] = Counter()
    failed: list[Exception] = []
    is_over = threading.Event()

    def send() -> None:
        while not is_over.is_set():
            try:
                answered.update(rig.send(5))
            except Exception as error:
                failed.append(error)
                return
            time.sleep(0.002)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield answered
    finally:
        is_over.set()
        sender.join()
    assert failed == []


def placed(bundle: BundleRef) -> Placed:
    return Placed(bundle.digest, bundle.version, bundle.image)


def test_a_pipeline_that_is_not_known_serves_nothing(rig: Rig) -> None:
    assert rig.target.observe("never_seen") == Observed(State())
    assert rig.target.observe("flights") == Observed(State())


def test_what_is_applied_is_observed_and_answers(rig: Rig) -> None:
    one = State(champion=placed(rig.bundles[0]))
    rig.target.apply("flights", one)
    assert rig.target.observe("flights") == Observed(one)
    assert rig.send(10) == {"1": 10}
    seen = rig.target.observe("flights")
    assert (seen.champion.requests, seen.champion.failures, seen.candidate) == (10, 0, NO_TRAFFIC)
    assert 0 < seen.champion.latency_p50_ms <= seen.champion.latency_p99_ms


def test_applying_twice_is_applying_once(rig: Rig) -> None:
    both = State(placed(rig.bundles[0]), placed(rig.bundles[1]), 50)
    rig.target.apply("flights", both)
    rig.send(20)
    before = rig.target.observe("flights")
    rig.target.apply("flights", both)
    assert rig.target.observe("flights") == before
    assert before.champion.requests + before.candidate.requests == 20


def test_a_target_opened_anew_adopts_what_runs(rig: Rig) -> None:
    both = State(placed(rig.bundles[0]), placed(rig.bundles[1]), 10)
    rig.target.apply("flights", both)
    assert rig.opened_anew().observe("flights").state == both


def test_a_candidate_gets_its_share_and_no_more(rig: Rig) -> None:
    champion, candidate = placed(rig.bundles[0]), placed(rig.bundles[1])
    rig.target.apply("flights", State(champion, candidate, 0))
    assert rig.send(50) == {"1": 50}
    rig.target.apply("flights", State(champion, candidate, 20))
    answered = rig.send(200)
    assert 15 <= answered["2"] <= 70
    assert answered.total() == 200
    seen = rig.target.observe("flights")
    assert (seen.candidate.requests, seen.candidate.failures) == (answered["2"], 0)


def test_a_shadow_gets_copies_and_answers_nobody(rig: Rig) -> None:
    shadowed = State(placed(rig.bundles[0]), placed(rig.bundles[1]), 0, shadow=True)
    if not rig.mirrors:
        with pytest.raises(BundleError, match="not copied to a shadow"):
            rig.target.apply("flights", shadowed)
        return
    rig.target.apply("flights", shadowed)
    assert rig.send(20) == {"1": 20}
    until = time.monotonic() + 10
    while rig.target.observe("flights").candidate.shadow_requests < 20 and time.monotonic() < until:
        time.sleep(0.05)
    seen = rig.target.observe("flights")
    assert seen.candidate.shadow_requests == 20
    assert (seen.candidate.requests, seen.candidate.shadow_failures) == (0, 0)


def test_a_candidate_becomes_champion_without_a_gap(rig: Rig) -> None:
    champion, candidate = placed(rig.bundles[0]), placed(rig.bundles[1])
    rig.target.apply("flights", State(champion))
    with requests_all_the_time(rig) as answered:
        for percent in (0, 10, 50, 100):
            rig.target.apply("flights", State(champion, candidate, percent))
            time.sleep(0.05)
        rig.target.apply("flights", State(candidate))
    assert set(answered) <= {"1", "2"}
    assert answered.total() > 0
    assert rig.send(20) == {"2": 20}
    assert rig.target.observe("flights").state == State(candidate)


def test_a_candidate_is_taken_away_without_a_gap(rig: Rig) -> None:
    champion, candidate = placed(rig.bundles[0]), placed(rig.bundles[1])
    rig.target.apply("flights", State(champion, candidate, 50))
    with requests_all_the_time(rig) as answered:
        time.sleep(0.1)
        rig.target.apply("flights", State(champion))
    assert answered.total() > 0
    assert rig.send(20) == {"1": 20}


@pytest.mark.parametrize("role", ["champion", "candidate"])
def test_a_missing_bundle_is_refused_and_nothing_changes(rig: Rig, role: str) -> None:
    one = State(placed(rig.bundles[0]))
    rig.target.apply("flights", one)
    wanted = State(rig.missing) if role == "champion" else State(one.champion, rig.missing, 10)
    with pytest.raises(BundleError, match=r"0{12}.*Nothing was changed"):
        rig.target.apply("flights", wanted)
    assert rig.target.observe("flights").state == one
    assert rig.send(5) == {"1": 5}


def test_a_state_of_unknown_origin_is_replaced_by_the_one_applied(rig: Rig) -> None:
    rig.target.apply("flights", State(placed(rig.bundles[2]), placed(rig.bundles[1]), 70))
    rig.target.apply("flights", State(placed(rig.bundles[0])))
    assert rig.target.observe("flights").state == State(placed(rig.bundles[0]))
    assert rig.send(5) == {"1": 5}


def test_nothing_that_is_served_is_removed(rig: Rig) -> None:
    rig.target.apply("flights", State(placed(rig.bundles[0]), placed(rig.bundles[1]), 50))
    removed = rig.target.keep("flights", {rig.bundles[2].digest})
    assert not {rig.bundles[0].digest, rig.bundles[1].digest} & set(removed)
    assert rig.send(20).total() == 20


def run_release(rig: Rig, number: int, lines: list[str], **more: object) -> str:
    usual = {"steps": [50, 100], "min_requests": 20, "max_latency_ratio": 1000, "step_timeout": "60s"}
    rules = {"shadow": rig.mirrors, **usual, **more}
    return released(rig, rig.bundles[number - 1], rules, QUICK, report=lines.append, run_id=f"run-{number}").outcome


def test_releases_and_a_roll_back_under_way_lose_no_request_and_survive_a_restart(rig: Rig) -> None:
    """The whole life; late, because the ledger knows a champion from here on."""
    lines: list[str] = []
    assert run_release(rig, 1, lines) == "RELEASED"
    with requests_all_the_time(rig) as answered:
        assert run_release(rig, 2, lines) == "RELEASED", lines
        assert run_release(rig, 3, lines) == "RELEASED", lines
        back = roll_back(
            rig.workspace,
            pipeline_with(rig.workspace.pipelines),
            to=None,
            reason="wrong",
            by="ann",
            run_id="undo",
            report=lines.append,
            target=rig.target,
            pace=QUICK,
        )
    assert (back.version, back.generation) == ("2", 4)
    assert set(answered) == {"1", "2", "3"}
    assert rig.send(10) == {"2": 10}
    rig.restart()
    assert rig.target.observe("flights").state == State(placed(rig.bundles[1]))
    assert rig.send(10) == {"2": 10}


def test_a_silent_target_says_so(rig: Rig) -> None:
    """The very last: it is not started again."""
    rig.stop()
    silent = (
        r"no model server at .* `python -m airloop serve`|is down|cannot listen: .* is taken|"
        "API server at .* does not answer"
    )
    with pytest.raises(Unreachable, match=silent):
        rig.target.observe("flights")
    with pytest.raises(Unreachable):
        rig.target.apply("flights", State())
