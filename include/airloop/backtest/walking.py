"""The walk itself: candidates, verdicts and what followed; what is in the store already is found, not made again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airloop.backtest.crew import Crew, crew
from airloop.backtest.learning import Learned, learn
from airloop.backtest.plan import Tick
from airloop.backtest.policies import Policy, answering
from airloop.backtest.rehearsing import Judged, rehearse_all
from airloop.backtest.scoring import Scored, measure
from airloop.backtest.walk import SKIPPED, Step, Walk
from airloop.spec.metrics import named_metrics
from airloop.training import cores

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace


@dataclass(frozen=True)
class Told:
    """A piece of work that is done: which of how many, and what came out of it."""

    stage: str
    """``train``, ``judge`` or ``measure``."""
    done: int
    total: int
    tick: Tick
    result: Learned | Judged | Scored


Tell = Callable[[Told], None]


def _untold(told: Told) -> None:
    return None


def walk(
    workspace: Workspace, pipeline: Pipeline, ticks: Sequence[Tick], *, jobs: int = 1, tell: Tell = _untold
) -> Walk:
    """Return what would have been at ``ticks``; neither the ledger's champions nor its verdicts are touched.

    ``jobs`` processes train and measure at once, at most as many as there are cores for; from 2 on they are spawned, so
    the calling script must be importable. A tick that fails is SKIPPED with its reason. Raises Unreachable and
    SourceChanged: then, and after it was killed, the same call goes on where it was.
    """
    with crew(workspace, pipeline, min(jobs, most_jobs(pipeline), len(ticks))) as hands:
        learned = _learn(hands, ticks, tell)
        judged = _judge(workspace, pipeline, ticks, learned, tell)
        answers = answering([one.verdict is not None for one in judged], [one.is_promoted for one in judged])
        scored = _measure(hands, ticks, learned, answers, tell)
    metrics = tuple(named_metrics(pipeline.spec))
    steps = tuple(_step(*one) for one in zip(ticks, judged, answers, scored, strict=True))
    return Walk(pipeline.name, metrics[0], metrics, steps)


def most_jobs(pipeline: Pipeline) -> int:
    """Return how many of the pipeline's trainings this machine has cores for, at least 1."""
    return cores.at_once(cores.wanted_by(pipeline.spec.model))


def _learn(hands: Crew, ticks: Sequence[Tick], tell: Tell) -> list[Learned]:
    found: dict[int, Learned] = {}
    for number, one in hands.each(learn, [(tick.as_of,) for tick in ticks]):
        found[number] = one
        tell(Told("train", len(found), len(ticks), ticks[number], one))
    return [found[number] for number in range(len(ticks))]


def _judge(
    workspace: Workspace, pipeline: Pipeline, ticks: Sequence[Tick], learned: Sequence[Learned], tell: Tell
) -> list[Judged]:
    found: list[Judged] = []
    for one in rehearse_all(workspace, pipeline, learned):
        found.append(one)
        tell(Told("judge", len(found), len(ticks), ticks[len(found) - 1], one))
    return found


def _measure(
    hands: Crew,
    ticks: Sequence[Tick],
    learned: Sequence[Learned],
    answers: Sequence[Mapping[Policy, int]],
    tell: Tell,
) -> list[Scored]:
    wanted = [number for number, who in enumerate(answers) if who]
    arguments = [(ticks[number], sorted({learned[who].model for who in answers[number].values()})) for number in wanted]
    found: dict[int, Scored] = {}
    for place, one in hands.each(measure, arguments):
        found[wanted[place]] = one
        tell(Told("measure", len(found), len(wanted), ticks[wanted[place]], one))
    return [found.get(number, Scored(problem="no champion yet")) for number in range(len(ticks))]


def _step(tick: Tick, judged: Judged, answers: Mapping[Policy, int], scored: Scored) -> Step:
    learned, verdict = judged.learned, judged.verdict
    return Step(
        as_of=tick.as_of,
        until=tick.until,
        known_until=tick.known_until,
        outcome=str(verdict.outcome) if verdict else SKIPPED,
        reasons=verdict.reasons if verdict else (judged.problem,),
        model=learned.model,
        version=learned.version,
        snapshot=learned.snapshot,
        verdict=judged.digest,
        against=verdict.champion_version or "" if verdict else "",
        holdout={
            name: (one.value, *(one.interval or (None, None)))
            for name, one in (verdict.metrics if verdict else {}).items()
            if one.value is not None
        },
        answering=answers,
        scored=scored,
    )
