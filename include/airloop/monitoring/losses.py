"""How much worse a model has become, and whether that is sure: pure functions of two measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable

from airloop.monitoring.scores import Loss, Measured
from airloop.refs import Level
from airloop.spec.model import Decay
from airloop.spec.words import METRICS

CONFIDENCE = 0.95
"""Of the one-sided bound that must be above 0."""


def weigh(rule: Decay, window: Measured, baseline: tuple[float, float | None] | None) -> Loss:
    """Return what a rule says about a window; see ``airloop.monitoring.performance``.

    A baseline without a standard error counts as uncertain as the window.
    """
    if window.value is None or window.standard_error is None or window.degrees is None:
        return _undecided(rule, window, window.problem)
    if baseline is None:
        return _undecided(rule, window, "the holdout has no value to compare with")
    sign = 1.0 if METRICS[rule.metric].more_is_better else -1.0
    loss = sign * (baseline[0] - window.value)
    own = window.standard_error**2
    before = own if baseline[1] is None else baseline[1] ** 2
    reach = _quantile(_degrees(own, before, window.degrees)) * math.sqrt(own + before)
    level = _level(rule, loss, is_sure=loss - reach > 0)
    missing = _missing(loss, reach, own, before, window.rows) if level is Level.INCONCLUSIVE else 0
    return Loss(
        metric=rule.metric,
        warn=rule.warn,
        act=rule.act,
        level=level,
        reason=_reason(rule, window, baseline[0], loss, loss - reach, level, missing),
        value=window.value,
        baseline=baseline[0],
        loss=loss,
        lower=loss - reach,
        missing_rows=missing,
    )


def _undecided(rule: Decay, window: Measured, why: str) -> Loss:
    return Loss(
        metric=rule.metric,
        warn=rule.warn,
        act=rule.act,
        level=Level.INCONCLUSIVE,
        reason=f"{rule.metric}: {why}",
        value=window.value,
    )


_WORST_FIRST = (Level.ACT, Level.WARN, Level.INCONCLUSIVE, Level.OK)


def worst_first(losses: Iterable[Loss]) -> list[Loss]:
    """Return the losses, those of the worst level first: ACT, WARN, INCONCLUSIVE, OK."""
    return sorted(losses, key=lambda loss: _WORST_FIRST.index(loss.level))


def worst(levels: Iterable[Level]) -> Level:
    """Return the worst level; without any INCONCLUSIVE."""
    return min(levels, key=_WORST_FIRST.index, default=Level.INCONCLUSIVE)


def _level(rule: Decay, loss: float, *, is_sure: bool) -> Level:
    if loss >= rule.act:
        return Level.ACT if is_sure else Level.INCONCLUSIVE
    return Level.WARN if loss >= rule.warn and is_sure else Level.OK


def _degrees(own: float, before: float, degrees: float) -> float:
    """Return the degrees of freedom of both variances' sum (Welch-Satterthwaite), each with those of the window."""
    return degrees * (own + before) ** 2 / (own**2 + before**2) if own + before > 0 else degrees


def _quantile(degrees: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, CONFIDENCE))


def _missing(loss: float, reach: float, own: float, before: float, rows: int) -> int:
    """Return how many more rows would make the loss sure; 0 where the holdout's own noise is already too large."""
    left = (own + before) * (loss / reach) ** 2 - before
    return max(1, math.ceil(rows * (own / left - 1))) if left > 0 else 0


def _reason(
    rule: Decay, window: Measured, baseline: float, loss: float, lower: float, level: Level, missing: int
) -> str:
    change = "worse" if loss >= 0 else "better"
    said = f"{rule.metric} {window.value:.4g} is {abs(loss):.2g} {change} than {baseline:.4g} on the holdout"
    if level is Level.ACT:
        return f"{said}; act is {rule.act:g}, and it is at least {lower:.2g} worse with 95 % confidence"
    if level is Level.WARN:
        return f"{said}; warn is {rule.warn:g}, and it is at least {lower:.2g} worse with 95 % confidence"
    if level is Level.INCONCLUSIVE:
        more = f"{missing:,} more labelled rows would tell" if missing else "the holdout itself is too small to tell"
        return f"{said}; act is {rule.act:g}, but it may be noise: {more}"
    return f"{said}; that may be noise" if loss >= rule.warn else said
