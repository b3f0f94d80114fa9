"""Walk a candidate up the rollout's steps on a target, looking at live counts."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from airloop.release import rollout
from airloop.release.rollout import FULL, Action, Decision, Position, Step
from airloop.release.target import Observed, Placed, State, Target
from airloop.release.waiting import Hold
from airloop.spec.model import Rollout


@dataclass(frozen=True)
class Climbed:
    """How a climb ended, with the decision on every step."""

    promote: bool
    steps: tuple[tuple[Step, Decision], ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """What was said on the last step."""
        return self.steps[-1][1].reasons if self.steps else ()


@dataclass(frozen=True)
class Climb:
    """A candidate beside what ``base`` says on ``target``; without a champion there is nothing to compare with."""

    pipeline: str
    rules: Rollout
    target: Target
    hold: Hold
    base: State
    candidate: Placed
    has_champion: bool

    def run(self) -> Climbed:
        """Climb until the candidate may have all requests or must go. A retry goes on where the target shows it is.

        Raises BundleError when the target cannot serve the bundle, Unreachable when it is silent for too long, and
        LostRace when another run took over.
        """
        steps = rollout.plan(self.rules, has_champion=self.has_champion)
        running = self._running(steps)
        if running is None:
            # With no share yet: a bundle that cannot be loaded is found out before any request meets it.
            self._apply(self.base.with_candidate(self.candidate, 0))
        else:
            self.hold.report(f"{running}: goes on where the last try ended")
        position, judged = rollout.start(steps, running=running), []
        known = self._observed().ended if position.step != FULL else {}
        while position.step != FULL and not position.ended:
            decision = self._watch(position.step, known)
            judged.append((position.step, decision))
            position = rollout.advance(self.rules, steps, position, decision)
            self._tell(judged[-1][0], decision, position)
        return Climbed(promote=position.ended is None, steps=tuple(judged))

    def _watch(self, step: Step, known: Container[str]) -> Decision:
        """Return the first decision on ``step`` that is not to wait; ``known`` ends came before the first request."""
        wanted = self.base.with_candidate(self.candidate, step.percent, shadow=step.shadow)
        self._apply(wanted)
        before = self._observed()
        until = self.hold.pace.now() + self.rules.step_timeout.total_seconds()
        while True:
            self.hold.wait()
            seen = self._observed()
            ended = [why for end, why in seen.ended.items() if end not in known]
            if seen.state != wanted and not ended:
                self.hold.tell(f"{step}: the target serves {seen.state}; putting {wanted} back", at_once=True)
                self._apply(wanted)
                # What came in meanwhile was not shared out as the step says.
                before = seen = self._observed()
            candidate, champion = seen.candidate.since(before.candidate), seen.champion.since(before.champion)
            decision = rollout.judge_step(
                self.rules,
                step,
                candidate=candidate,
                champion=champion,
                timed_out=self.hold.pace.now() >= until,
                ended=ended,
            )
            if decision.action is not Action.CONTINUE:
                return decision
            self.hold.tell(rollout.progress(self.rules, step, candidate=candidate, champion=champion))

    def _running(self, steps: tuple[Step, ...]) -> Step | None:
        state = self._observed().state
        if state.candidate != self.candidate or state.champion != self.base.champion:
            return None
        return next((s for s in steps if (s.percent, s.shadow) == (state.candidate_percent, state.shadow)), None)

    def _observed(self) -> Observed:
        return self.hold.answered(lambda: self.target.observe(self.pipeline))

    def _apply(self, state: State) -> None:
        # Asked anew each time: a roll back may have taken over, and must not be overwritten.
        self.hold.renew()
        self.hold.answered(lambda: self.target.apply(self.pipeline, state))

    def _tell(self, step: Step, decision: Decision, position: Position) -> None:
        following = "rolling back" if position.ended else f"on to {position.step}"
        self.hold.tell(f"{step}: {decision.action}, {following}: {'; '.join(decision.reasons)}", at_once=True)
