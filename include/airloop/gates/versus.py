"""Gates against the champion: non-inferiority, practical gain, and Holm's correction over several of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

from airloop.gates.absolute import too_few
from airloop.gates.verdict import GateResult, Status
from airloop.reports import wording
from airloop.reports.rules import rule_of
from airloop.spec.gates import ChampionGate
from airloop.statistics.bounds import Comparison


@dataclass(frozen=True)
class NotCompared:
    """Why there is nothing to compare: ``status`` is PASS for a first model, UNDECIDED for all else."""

    status: Status
    reason: str


NO_CHAMPION = NotCompared(Status.PASS, "no champion yet: the absolute gates decide alone")


def judge_champion(
    gates: Sequence[ChampionGate], comparisons: Sequence[Comparison | NotCompared], rows: int
) -> list[GateResult]:
    """Return what each gate says, in order, about ``rows`` labelled rows later than either's training data.

    Proofs, for and against the candidate, are each corrected for the number of enforced gates (Holm 1979), which all
    share the level of error that ``confidence`` leaves.
    """
    results: dict[int, GateResult] = {}
    ready: list[tuple[int, ChampionGate, Comparison]] = []
    for place, (gate, comparison) in enumerate(zip(gates, comparisons, strict=True)):
        if isinstance(comparison, NotCompared):
            results[place] = _uncompared(gate, comparison, rows)
        elif rows < gate.min_rows:
            reason = f"{gate.metric} against the champion: {too_few(rows, gate.min_rows)}"
            few = _uncompared(gate, NotCompared(Status.UNDECIDED, reason), rows)
            results[place] = replace(few, value=comparison.candidate, needed_rows=gate.min_rows - rows)
        else:
            ready.append((place, gate, comparison))
    family = [entry for entry in ready if entry[1].mode == "enforce"]
    for group in [family, *([entry] for entry in ready if entry[1].mode == "shadow")]:
        results |= _judge_family(group)
    return [results[place] for place in sorted(results)]


def holm(chances: Sequence[float], levels: Sequence[float]) -> list[float]:
    """Return the level of error at which each hypothesis is tested, in order (Holm 1979, step-down).

    A hypothesis with a chance at or below its returned level is rejected; once one is not, none after it is.
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place] / levels[place])
    adjusted = [0.0] * len(chances)
    left, stopped = len(chances), False
    for place in order:
        adjusted[place] = levels[place] / left
        stopped = stopped or chances[place] > adjusted[place]
        left -= 0 if stopped else 1
    return adjusted


def _judge_family(family: list[tuple[int, ChampionGate, Comparison]]) -> dict[int, GateResult]:
    levels = [1 - gate.confidence for _, gate, _ in family]
    for_it = holm([comparison.chance_of(_must_exceed(gate)) for _, gate, comparison in family], levels)
    against = holm([1 - comparison.chance_of(_must_reach(gate)) for _, gate, comparison in family], levels)
    return {
        place: _compared(gate, comparison, 1 - for_it[number], 1 - against[number])
        for number, (place, gate, comparison) in enumerate(family)
    }


def _must_exceed(gate: ChampionGate) -> float:
    """The gain that the lower bound must lie above."""
    return 0.0 if gate.min_gain > 0 else 0.0 - gate.margin


def _must_reach(gate: ChampionGate) -> float:
    """The gain that the upper bound must reach."""
    return gate.min_gain if gate.min_gain > 0 else 0.0 - gate.margin


def _compared(gate: ChampionGate, comparison: Comparison, confidence: float, against: float) -> GateResult:
    lower, upper = comparison.lower(confidence), comparison.upper(against)
    status, reason, needed = _say(gate, comparison, lower, upper, confidence)
    value, champion = wording.apart(comparison.candidate, comparison.champion)
    return GateResult(
        kind="champion",
        rule=rule_of(gate),
        status=status,
        reason=f"{gate.metric} {value} against the champion's {champion}: {reason}",
        shadow=gate.mode == "shadow",
        metric=gate.metric,
        rows=comparison.rows,
        value=comparison.candidate,
        champion=comparison.champion,
        gain=comparison.gain,
        bound=(lower, upper),
        confidence=confidence,
        threshold=_must_reach(gate),
        needed_rows=needed,
    )


def _say(
    gate: ChampionGate, comparison: Comparison, lower: float, upper: float, confidence: float
) -> tuple[Status, str, int | None]:
    words = wording.better_or_worse
    fits = _averaged(*comparison.fits)
    sure, allowed = f"({wording.percent(confidence)} sure)", _allowed(gate)
    if upper < _must_reach(gate):
        return Status.FAIL, f"{fits}{words(comparison.gain)}, at best {words(upper)} {sure}; {allowed}", None
    proved = lower > _must_exceed(gate) and comparison.gain >= _must_reach(gate)
    if proved and comparison.own_gain >= _must_exceed(gate):
        return Status.PASS, f"{fits}{words(comparison.gain)}, at worst {words(lower)} {sure}; {allowed}", None
    if proved:
        unlucky = f"this fit is {words(comparison.own_gain)}, though {fits}it is {words(comparison.gain)}"
        return Status.UNDECIDED, f"{unlucky}; {allowed}. Train with another seed", None
    reach = f"{fits}between {words(lower)} and {words(upper)} {sure}; {allowed}"
    needed, advice = _what_would_decide(gate, comparison, confidence, lower)
    return Status.UNDECIDED, f"{reach}. {advice}", needed


def _averaged(candidates: int, champions: int) -> str:
    """Say over how many trainings a gain is averaged: it is not the difference of the two figures before it."""
    if (candidates, champions) == (1, 1):
        return ""
    if candidates == champions:
        return f"averaged over {candidates} trainings of each "
    return f"averaged over {candidates} of its own trainings and {champions} of the champion's "


def _allowed(gate: ChampionGate) -> str:
    if gate.min_gain > 0:
        return f"{wording.number(gate.min_gain)} better is asked for"
    return f"{wording.number(gate.margin)} worse is allowed" if gate.margin else "no worse is allowed"


def _what_would_decide(
    gate: ChampionGate, comparison: Comparison, confidence: float, lower: float
) -> tuple[int | None, str]:
    """Return the further rows that decide if the gain stays what it is, and advice in words."""
    threshold = gate.min_gain if lower > _must_exceed(gate) else _must_exceed(gate)
    distance, quantile = abs(comparison.gain - threshold), comparison.quantile(confidence)
    # Only the rows' part of the variance shrinks with more rows.
    left_for_rows = (distance / quantile) ** 2 - comparison.training_variance
    noise = quantile * sqrt(comparison.training_variance)
    if comparison.training_variance and left_for_rows <= 0:
        wider = "or a wider `margin`" if not gate.min_gain else "or a larger gain"
        return None, (
            f"More rows cannot decide it: the noise of training alone is {wording.number(noise, 2)}. "
            f"More `replicates`, a calmer training (lower learning rate, more rounds) {wider} can"
        )
    if left_for_rows <= 0:
        return None, "The difference is exactly what is allowed: no number of rows decides that"
    further = comparison.rows * (comparison.row_variance / left_for_rows - 1)
    needed = wording.rounded_up(max(further, 1))
    if further > 100 * comparison.rows:
        return needed, f"It would take more than 100 times as many labelled rows ({needed:,}) to decide"
    return needed, f"About {needed:,} further labelled rows would decide it"


def _uncompared(gate: ChampionGate, why: NotCompared, rows: int) -> GateResult:
    return GateResult(
        kind="champion",
        rule=rule_of(gate),
        status=why.status,
        reason=why.reason,
        shadow=gate.mode == "shadow",
        metric=gate.metric,
        rows=rows,
        threshold=_must_reach(gate),
    )
