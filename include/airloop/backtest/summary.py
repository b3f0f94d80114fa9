"""A backtest in words, for a person who reads nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

from airloop import clock
from airloop.backtest.contrast import MeanGain
from airloop.backtest.policies import Policy
from airloop.backtest.walk import SKIPPED, Walk
from airloop.reports import wording

CONFIDENCE = 0.95
"""Of each side of a bound."""

Says = Literal["better", "better_here", "worse", "worse_here", "open", "nothing"]


def says(gain: MeanGain) -> Says:
    """Return whether a mean gain is proved, also for other periods or only here, or open.

    ``nothing`` where the same model answered in every interval.
    """
    if not gain.differing:
        return "nothing"
    elsewhere, here = gain.bound("periods", CONFIDENCE), gain.bound("days", CONFIDENCE)
    if elsewhere and not elsewhere[0] <= 0 <= elsewhere[1]:
        return "better" if gain.mean > 0 else "worse"
    if here and not here[0] <= 0 <= here[1]:
        return "better_here" if gain.mean > 0 else "worse_here"
    return "open"


def headline(walk: Walk) -> str:
    """Return the one sentence: would retraining behind the gates have helped, by how much, how sure."""
    if not any(step.version for step in walk.steps):
        return f"No tick gave a model: {walk.steps[0].reasons[0]}"
    if not walk.has_gates:
        return "The gates would have let no model in: " + wording.listed(_common_reasons(walk), 1)
    found = walk.contrast("gates", "never", walk.metric)
    if not found.intervals:
        return "Nothing could be measured: no interval after a champion has labelled rows"
    return {
        "nothing": "Retraining would have changed nothing: the first champion would have answered throughout",
        "better": "Retraining behind the gates would have helped",
        "better_here": "Retraining behind the gates would have helped in this period",
        "worse": "Retraining behind the gates would have done harm",
        "worse_here": "Retraining behind the gates would have done harm in this period",
        "open": "Retraining behind the gates would have made no provable difference",
    }[says(found)]


def sentences(walk: Walk) -> Iterator[str]:
    """Yield what supports the headline: figures, champions, and what the gates held back."""
    if walk.has_gates:
        yield f"Against never retraining: {measured(walk, 'gates', 'never')}."
        yield f"Against promoting every model: {measured(walk, 'gates', 'always')}."
        yield f"Bounds are {wording.percent(CONFIDENCE)} sure, each side."
        changes = walk.changes
        first, *later = days([step.as_of for step in changes])
        changed = (
            f"; it would have changed {_times(len(later))}: {wording.listed(later, 12)}."
            if later
            else ", and the only one."
        )
        yield f"{_counted(walk)}. The first champion is that of {first}{changed}"
    elif any(step.version for step in walk.steps):
        yield f"Promoting every model, against keeping the first: {measured(walk, 'always', 'never')}."
        yield f"{_counted(walk)}."
    skipped = [step for step in walk.steps if step.outcome == SKIPPED]
    if skipped:
        yield f"{len(skipped)} of {len(walk.steps)} ticks were skipped; the first of them: {skipped[0].reasons[0]}"


def measured(walk: Walk, ours: Policy, theirs: Policy) -> str:
    """Return ``log_loss 0.012 better on average over 15 intervals; …`` with both bounds, as far as they are known."""
    found = walk.contrast(ours, theirs, walk.metric)
    if not found.intervals:
        return f"{walk.metric} could not be measured"
    if not found.differing:
        return f"{walk.metric} the same, by the same models, in all {found.intervals} intervals"
    text = f"{walk.metric} {wording.better_or_worse(found.mean)} on average over {found.intervals} intervals"
    here, elsewhere = between(found.bound("days", CONFIDENCE)), between(found.bound("periods", CONFIDENCE))
    text += f"; on other days of these intervals {here or 'unknown, as they have too few days'}"
    return f"{text}, in other periods {elsewhere or 'unknown, as there are too few intervals'}"


def between(bound: tuple[float, float] | None) -> str:
    """Return ``0.001 worse to 0.02 better`` or ``0.01 to 0.02 better``; empty where there is no bound."""
    if bound is None:
        return ""
    lower, upper = bound
    if lower > 0:
        return f"{wording.number(lower, 2)} to {wording.better_or_worse(upper)}"
    if upper < 0:
        return f"{wording.number(-upper, 2)} to {wording.better_or_worse(lower)}"
    return f"{wording.better_or_worse(lower)} to {wording.better_or_worse(upper)}"


def days(instants: Sequence[datetime]) -> list[str]:
    """Return instants for people: their dates alone, unless two of them are on one day."""
    dates = [f"{clock.in_utc(one):%Y-%m-%d}" for one in instants]
    return dates if len(set(dates)) == len(dates) else [clock.told(one) for one in instants]


def figures(walk: Walk, ours: Policy, theirs: Policy) -> dict[str, Any]:
    """Return a mean gain in the main metric with its bounds, for programs."""
    found = walk.contrast(ours, theirs, walk.metric)
    here, elsewhere = (found.bound(scope, CONFIDENCE) if found.intervals else None for scope in ("days", "periods"))
    return {
        "mean": found.mean if found.intervals else None,
        "intervals": found.intervals,
        "differing": found.differing,
        "on_other_days": here,
        "in_other_periods": elsewhere,
    }


def _counted(walk: Walk) -> str:
    counts = Counter(step.outcome for step in walk.steps)
    judged = sum(count for outcome, count in counts.items() if outcome != SKIPPED)
    said = ", ".join(f"{outcome} {counts[outcome]}" for outcome in ("PROMOTE", "HOLD", "REJECT") if counts[outcome])
    return f"Of {judged} candidates the gates would have said {said}"


def _common_reasons(walk: Walk) -> list[str]:
    return [reason for reason, _ in Counter(step.reasons[0] for step in walk.steps).most_common()]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
