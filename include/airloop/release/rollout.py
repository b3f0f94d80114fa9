"""The rollout as a pure state machine: which share of requests a candidate answers next, and why.

A candidate climbs ``shadow? → steps below 100 % → full``. Every step but the last is judged on live counts against
the champion; at 100 % the champion answers nothing, so there is nothing left to compare with and the candidate is
promoted. A first release has no champion to be compared with and goes straight to 100 %.

No clock and no network: counts and "the time is over" come in, a decision with its reasons goes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from airloop.release.evidence import Judged, Traffic, failures, latency, share
from airloop.spec.model import Rollout


@dataclass(frozen=True)
class Step:
    """What the candidate gets: copies of all requests (``shadow``), or ``percent`` of them to answer."""

    percent: int
    shadow: bool = False

    def __str__(self) -> str:
        return "shadow" if self.shadow else f"{self.percent} %"


FULL = Step(percent=100)


class Action(StrEnum):
    """What a judged step leads to."""

    CONTINUE = "CONTINUE"
    """Stay on the step and look again."""
    PROMOTE = "PROMOTE"
    """The step is passed: on to the next one."""
    ROLL_BACK = "ROLL_BACK"
    INCONCLUSIVE = "INCONCLUSIVE"
    """The time was over before the counts said anything."""


@dataclass(frozen=True)
class Decision:
    """An action with its reasons in plain words."""

    action: Action
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Position:
    """Where a rollout is: climbing on ``step``, at the top (``full``), or ended by a ``roll_back``."""

    step: Step
    ended: Literal["full", "roll_back"] | None = None


def plan(rollout: Rollout, *, has_champion: bool) -> tuple[Step, ...]:
    """Return the steps a release climbs, the last one always full; only that one when there is no champion."""
    if not has_champion:
        return (FULL,)
    shadow = (Step(percent=0, shadow=True),) if rollout.shadow else ()
    return (*shadow, *(Step(percent) for percent in rollout.steps))


def judge_step(
    rollout: Rollout,
    step: Step,
    *,
    candidate: Traffic,
    champion: Traffic,
    timed_out: bool,
    ended: Sequence[str] = (),
) -> Decision:
    """Judge the requests that both versions answered since the step began.

    ``ended`` says why servers of the candidate ended meanwhile: what they were asked is in no count, so any is enough.
    In a shadow step the copies count and their failures are judged. Answers of two models may differ, so the largest
    difference is reported and never decides; nobody waits for a copy, so neither does its latency.
    """
    if step == FULL:
        return Decision(Action.PROMOTE, ("100 %: the last step is not judged, the champion answers nothing",))
    if ended:
        return Decision(Action.ROLL_BACK, tuple(ended))
    seen = candidate.shadow_requests if step.shadow else candidate.requests
    judged = _compared(rollout, step, candidate, champion)
    bad = tuple(one.reason for one in judged if one.verdict == "bad")
    if bad:
        return Decision(Action.ROLL_BACK, bad)
    unclear = tuple(one.reason for one in judged if one.verdict == "unclear")
    if seen < rollout.min_requests:
        unclear = (_too_few(rollout, step, seen, champion), *unclear)
    if not unclear:
        return Decision(Action.PROMOTE, _passed(step, seen, candidate, judged))
    if timed_out:
        return Decision(Action.INCONCLUSIVE, tuple(f"the time for this step is over: {reason}" for reason in unclear))
    return Decision(Action.CONTINUE, unclear)


def progress(rollout: Rollout, step: Step, *, candidate: Traffic, champion: Traffic) -> str:
    """Return one line that says how far a step is."""
    if step.shadow:
        differ = f"answers differ by {candidate.shadow_largest_difference:.3g}"
        return f"shadow: {candidate.shadow_requests} of {rollout.min_requests} requests copied, {differ}"
    return (
        f"{step}: {candidate.requests} of {rollout.min_requests} requests, {candidate.failures} failed, "
        f"p99 {candidate.latency_p99_ms:.1f} ms (champion {champion.latency_p99_ms:.1f} ms)"
    )


def advance(rollout: Rollout, steps: tuple[Step, ...], position: Position, decision: Decision) -> Position:
    """Return where the rollout is after ``decision``; an ended one stays where it is."""
    if position.ended or decision.action is Action.CONTINUE:
        return position
    accepted = decision.action is Action.INCONCLUSIVE and rollout.on_inconclusive == "promote"
    if decision.action is not Action.PROMOTE and not accepted:
        return Position(position.step, ended="roll_back")
    if position.step == FULL:
        return Position(FULL, ended="full")
    return Position(steps[steps.index(position.step) + 1])


def start(steps: tuple[Step, ...], *, running: Step | None = None) -> Position:
    """Return where to begin: on the step that the target already shows (a retry), else on the first one."""
    return Position(running if running in steps and running is not None else steps[0])


def _compared(rollout: Rollout, step: Step, candidate: Traffic, champion: Traffic) -> tuple[Judged, ...]:
    if step.shadow:
        return (failures(candidate.copied, champion, allowed=rollout.max_failure_rate, enough=rollout.min_requests),)
    return (
        failures(candidate, champion, allowed=rollout.max_failure_rate, enough=rollout.min_requests),
        latency(candidate, champion, ratio=rollout.max_latency_ratio, enough=rollout.min_requests),
        share(candidate, champion, percent=step.percent),
    )


def _too_few(rollout: Rollout, step: Step, seen: int, champion: Traffic) -> str:
    said = f"{seen} of {rollout.min_requests} requests"
    if step.shadow and not seen and champion.requests >= rollout.min_requests:
        return f"{said}: the champion answered {champion.requests:,}, does what shares requests out copy them?"
    return said


def _passed(step: Step, seen: int, candidate: Traffic, judged: tuple[Judged, ...]) -> tuple[str, ...]:
    if step.shadow:
        differ = f"answers differ by at most {candidate.shadow_largest_difference:.3g}"
        return (f"shadow: {seen} requests copied, {differ}", *(one.reason for one in judged))
    return (f"{step}: {seen} requests", *(one.reason for one in judged))
