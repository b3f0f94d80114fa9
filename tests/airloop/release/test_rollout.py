"""The rollout as a state machine: no clock, no network, and nothing promoted on too little."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airloop.release.evidence import Traffic
from airloop.release.rollout import FULL, Action, Decision, Position, Step, advance, judge_step, plan, progress, start
from airloop.spec.model import Rollout

counts = st.integers(0, 3000)
traffics = st.builds(
    Traffic,
    requests=counts,
    failures=counts,
    latency_p50_ms=st.floats(0, 1e4),
    latency_p99_ms=st.floats(0, 1e4),
    shadow_requests=counts,
    shadow_failures=counts,
    shadow_largest_difference=st.floats(0, 10),
)
rollouts = st.builds(
    Rollout,
    shadow=st.booleans(),
    steps=st.sets(st.integers(1, 99), max_size=4).map(lambda steps: (*sorted(steps), 100)),
    min_requests=st.integers(1, 1000),
    on_inconclusive=st.sampled_from(["roll_back", "promote"]),
    max_failure_rate=st.floats(0, 1),
    max_latency_ratio=st.floats(0.1, 10),
)
looks = st.lists(st.tuples(traffics, traffics, st.booleans()), max_size=20)


def test_the_plan_is_shadow_then_steps_then_full() -> None:
    steps = plan(Rollout(shadow=True, steps=(5, 25, 100)), has_champion=True)
    assert [str(step) for step in steps] == ["shadow", "5 %", "25 %", "100 %"]


def test_a_first_release_goes_straight_to_full() -> None:
    assert plan(Rollout(shadow=True, steps=(5, 25, 100)), has_champion=False) == (FULL,)


def test_a_retry_goes_on_with_the_step_that_runs() -> None:
    steps = plan(Rollout(), has_champion=True)
    assert start(steps).step == Step(10)
    assert start(steps, running=Step(50)).step == Step(50)
    assert start(steps, running=Step(33)).step == Step(10)


def judged(seen: int, failed: int = 0, *, champion: int = 1800, timed_out: bool = False, **rules: object) -> Decision:
    return judge_step(
        Rollout.model_validate(rules),
        Step(10),
        candidate=Traffic(seen, failed, 1.0, 3.0),
        champion=Traffic(champion, 0, 1.0, 2.9),
        timed_out=timed_out,
    )


@pytest.mark.parametrize("step", [Step(0, shadow=True), Step(50)])
def test_a_server_that_ended_decides_before_any_count(step: Step) -> None:
    well = Traffic(1000, shadow_requests=1000)
    decision = judge_step(Rollout(), step, candidate=well, champion=well, timed_out=False, ended=["killed", "again"])
    assert decision == Decision(Action.ROLL_BACK, ("killed", "again"))


def test_too_few_requests_are_waited_for() -> None:
    assert judged(131) == Decision(Action.CONTINUE, ("131 of 200 requests",))


def test_too_few_requests_in_time_are_inconclusive() -> None:
    """A canary with little traffic neither stalls for ever nor passes."""
    decision = judged(19, champion=171, timed_out=True)
    assert decision == Decision(Action.INCONCLUSIVE, ("the time for this step is over: 19 of 200 requests",))
    climbing, steps = Position(Step(10)), plan(Rollout(), has_champion=True)
    assert advance(Rollout(), steps, climbing, decision) == Position(Step(10), ended="roll_back")
    accepting = Rollout(on_inconclusive="promote")
    assert advance(accepting, steps, climbing, decision) == Position(Step(50))


def test_enough_good_requests_pass_with_their_numbers() -> None:
    assert judged(200) == Decision(
        Action.PROMOTE,
        (
            "10 %: 200 requests",
            "0 of 200 failed, champion 0 of 1800",
            "p99 3.0 ms, champion 2.9 ms",
            "the candidate got 200 of 2,000 requests (10.0%), 10 % were asked for",
        ),
    )


def test_failures_that_are_no_chance_roll_back_at_once() -> None:
    decision = judged(40, 5)
    assert decision.action is Action.ROLL_BACK
    assert decision.reasons[0].startswith("5 of 40 failed, champion 0 of 1800: beyond the 0.0% more that is allowed")


def test_one_failure_is_neither_passed_nor_condemned() -> None:
    assert judged(200, 1).action is Action.CONTINUE
    assert judged(200, 1, timed_out=True).action is Action.INCONCLUSIVE
    assert judged(2000, 1, champion=18_000, max_failure_rate=0.001).action is Action.PROMOTE


def test_a_share_far_above_the_one_asked_for_rolls_back() -> None:
    decision = judged(1000, champion=1000)
    assert decision == Decision(
        Action.ROLL_BACK,
        (
            "the candidate got 1,000 of 2,000 requests (50.0%), 10 % were asked for: what shares requests out does not "
            "apply the weights",
        ),
    )


def test_a_share_that_is_ignored_is_told_when_the_time_is_over() -> None:
    decision = judged(0, champion=1200, timed_out=True)
    assert decision.action is Action.INCONCLUSIVE
    assert decision.reasons[-1] == (
        "the time for this step is over: the candidate got 0 of 1,200 requests (0.0%), 10 % were asked for: does what "
        "shares requests out apply the weights?"
    )


def ending(rng: Random, candidate_rate: float, champion_rate: float) -> Action:
    """Return how a step at 50 % ends that is looked at after every 40 requests, up to 100 times."""
    failed = [0, 0]
    for look in range(1, 101):
        for version, rate in enumerate((candidate_rate, champion_rate)):
            failed[version] += sum(rng.random() < rate for _ in range(20))
        answered = [Traffic(20 * look, failures, 1.0, 3.0) for failures in failed]
        decision = judge_step(Rollout(), Step(50), candidate=answered[0], champion=answered[1], timed_out=look == 100)
        if decision.action is not Action.CONTINUE:
            return decision.action
    raise AssertionError("the last look is timed out")


def test_looking_often_condemns_few_equal_versions_and_catches_worse_ones() -> None:
    rng = Random(18)
    equal = Counter(ending(rng, 0.02, 0.02) for _ in range(200))
    assert equal[Action.ROLL_BACK] <= 16
    assert equal[Action.PROMOTE] >= 160
    worse = Counter(ending(rng, 0.05, 0.0) for _ in range(100))
    assert worse[Action.ROLL_BACK] >= 97


def test_shadow_reports_differences_and_never_decides_on_them() -> None:
    rules, step = Rollout(shadow=True, min_requests=50), Step(0, shadow=True)
    few = Traffic(shadow_requests=20, shadow_largest_difference=0.5)
    enough = Traffic(shadow_requests=50, shadow_largest_difference=0.5)
    waiting = judge_step(rules, step, candidate=few, champion=Traffic(20), timed_out=False)
    assert waiting == Decision(Action.CONTINUE, ("20 of 50 requests",))
    passed = judge_step(rules, step, candidate=enough, champion=Traffic(50), timed_out=False)
    assert passed == Decision(
        Action.PROMOTE,
        ("shadow: 50 requests copied, answers differ by at most 0.5", "0 of 50 failed, champion 0 of 50"),
    )


def test_a_shadow_that_gets_no_copies_says_what_to_look_at() -> None:
    rules, step = Rollout(shadow=True, min_requests=50), Step(0, shadow=True)
    decision = judge_step(rules, step, candidate=Traffic(), champion=Traffic(1200), timed_out=True)
    assert decision.reasons[0] == (
        "the time for this step is over: 0 of 50 requests: the champion answered 1,200, does what shares requests out "
        "copy them?"
    )
    waiting = judge_step(rules, step, candidate=Traffic(), champion=Traffic(49), timed_out=False)
    assert waiting == Decision(Action.CONTINUE, ("0 of 50 requests",))


def test_shadow_failures_roll_back() -> None:
    failing = Traffic(shadow_requests=40, shadow_failures=15)
    decision = judge_step(Rollout(), Step(0, shadow=True), candidate=failing, champion=Traffic(40), timed_out=False)
    assert decision.action is Action.ROLL_BACK


def test_progress_is_a_line_that_a_person_can_follow() -> None:
    line = progress(Rollout(), Step(50), candidate=Traffic(131, 0, 1.0, 3.1), champion=Traffic(140, 0, 1.0, 2.9))
    assert line == "50 %: 131 of 200 requests, 0 failed, p99 3.1 ms (champion 2.9 ms)"
    shadow = progress(Rollout(), Step(0, shadow=True), candidate=Traffic(shadow_requests=7), champion=Traffic(7))
    assert shadow == "shadow: 7 of 200 requests copied, answers differ by 0"


@given(rollouts, traffics, traffics, st.booleans(), st.integers(0, 5))
def test_every_observation_gets_a_decision_with_a_reason(
    rules: Rollout, candidate: Traffic, champion: Traffic, timed_out: bool, at: int
) -> None:
    steps = plan(rules, has_champion=True)
    step = steps[at % len(steps)]
    decision = judge_step(rules, step, candidate=candidate, champion=champion, timed_out=timed_out)
    assert decision.reasons
    seen = candidate.shadow_requests if step.shadow else candidate.requests
    if step != FULL and seen < rules.min_requests:
        assert decision.action is not Action.PROMOTE
    assert not (timed_out and decision.action is Action.CONTINUE)


@settings(max_examples=60, deadline=None)
@given(rollouts, looks, st.booleans())
def test_shares_only_fall_by_a_roll_back_and_full_needs_every_step(
    rules: Rollout, seen: list[tuple[Traffic, Traffic, bool]], has_champion: bool
) -> None:
    steps = plan(rules, has_champion=has_champion)
    position, passed = start(steps), []
    for candidate, champion, timed_out in seen:
        before = position
        decision = judge_step(rules, position.step, candidate=candidate, champion=champion, timed_out=timed_out)
        position = advance(rules, steps, position, decision)
        assert position.step.percent >= before.step.percent
        if position != before and position.ended != "roll_back":
            passed.append((before.step, decision, candidate))
        if before.ended:
            assert position == before
    for step, decision, candidate in passed:
        enough = (candidate.shadow_requests if step.shadow else candidate.requests) >= rules.min_requests
        told = decision.action is Action.INCONCLUSIVE and rules.on_inconclusive == "promote"
        assert step == FULL or enough or told
    if position.ended == "full":
        assert [step for step, _, _ in passed] == list(steps)


@pytest.mark.parametrize("ended", ["full", "roll_back"])
def test_what_has_ended_stays(ended: str) -> None:
    position = Position(FULL, ended=ended)  # type: ignore[arg-type]
    steps = plan(Rollout(), has_champion=True)
    assert advance(Rollout(), steps, position, Decision(Action.PROMOTE, ("x",))) == position
