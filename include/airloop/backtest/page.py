"""The page of a backtest: one HTML file that opens offline, the answer in words on top."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop import clock
from airloop.backtest import charts, summary
from airloop.backtest.contrast import Scope
from airloop.backtest.policies import WORDS, Policy
from airloop.backtest.walk import Step, Walk
from airloop.reports import page, wording
from airloop.reports.drawing import Spec, draw
from airloop.spec.fields import format_duration

if TYPE_CHECKING:
    from airloop.spec import Pipeline

_TEMPLATE = Path(__file__).with_name("backtest.html.j2")
_MOST_CHARTS = 3
"""Of further metrics."""


def figures(walk: Walk) -> dict[str, tuple[Spec, str]]:
    """Return name → chart and what it shows; empty where nothing could be measured."""
    specs: dict[str, tuple[Spec, str]] = {}
    for metric in walk.metrics[: 1 + _MOST_CHARTS]:
        if not any(walk.score(step, "never", metric) for step in walk.steps):
            continue
        is_main = metric == walk.metric
        name = "time" if is_main else f"time-{metric}"
        specs[name] = charts.over_time(walk, metric, strip=is_main), f"{metric} over time"
        if is_main:
            specs["gain"] = charts.gain_so_far(walk, metric), f"mean gain in {metric} over never retraining"
    return specs


def render(pipeline: Pipeline, walk: Walk, specs: dict[str, tuple[Spec, str]]) -> str:
    """Return the HTML page. All that comes from data or from the spec is escaped."""
    policies: list[Policy] = ["gates", "never", "always"] if walk.has_gates else ["never", "always"]
    instants = [step.as_of for step in walk.steps]
    return page.render(
        _TEMPLATE,
        name=walk.pipeline,
        description=pipeline.spec.description,
        span=span(walk),
        ticks=f"{len(walk.steps)} ticks" if len(walk.steps) > 1 else "1 tick",
        says=summary.says(walk.contrast("gates", "never", walk.metric)),
        headline=summary.headline(walk),
        sentences=list(summary.sentences(walk)),
        metric=walk.metric,
        policies=[WORDS[policy] for policy in policies],
        contrasts=list(_contrasts(walk, policies)),
        has_gates=walk.has_gates,
        confidence=wording.percent(summary.CONFIDENCE),
        figures={name: draw(spec, label, number) for number, (name, (spec, label)) in enumerate(specs.items())},
        more=[(f"time-{metric}", metric) for metric in walk.metrics[1:]],
        rows=[_row(walk, step, day) for step, day in zip(walk.steps, summary.days(instants), strict=True)],
        facts=list(_facts(pipeline, walk)),
    )


def span(walk: Walk) -> str:
    """Return ``2013-03-18 06:00 UTC to 2013-07-01``."""
    return f"{clock.told(walk.steps[0].as_of)} to {clock.told(walk.steps[-1].until)}"


def _contrasts(walk: Walk, policies: list[Policy]) -> Iterator[dict[str, Any]]:
    for metric in dict.fromkeys([*walk.metrics, *_all_metrics(walk)]):
        means = [_mean(walk, policy, metric) for policy in policies]
        if any(means):
            gains = [_gain(walk, theirs, metric) for theirs in ("never", "always")]
            yield {"metric": metric, "means": means, "gains": gains}


def _all_metrics(walk: Walk) -> list[str]:
    return sorted({name for step in walk.steps for scores in step.scored.scores.values() for name in scores})


def _mean(walk: Walk, policy: Policy, metric: str) -> str:
    values = [score.value for step in walk.steps if (score := walk.score(step, policy, metric)) is not None]
    return wording.number(sum(values) / len(values)) if values else ""


def _gain(walk: Walk, theirs: Policy, metric: str) -> dict[str, str]:
    found = walk.contrast("gates", theirs, metric)
    scopes: tuple[Scope, ...] = ("days", "periods")
    bounds = {scope: found.bound(scope, summary.CONFIDENCE) if found.differing else None for scope in scopes}
    mean = wording.better_or_worse(found.mean) if found.intervals else ""
    return {"mean": mean, **{scope: summary.between(bound) for scope, bound in bounds.items()}}


def _row(walk: Walk, step: Step, day: str) -> dict[str, str]:
    holdout = step.holdout.get(walk.metric)
    champion = walk.steps[step.answering["gates"]].version if "gates" in step.answering else ""
    why = _why(step)
    if step.answering and step.scored.problem:
        why += f". Afterwards: {step.scored.problem}"
    return {
        "as_of": day,
        "version": step.version,
        "outcome": step.outcome,
        "against": step.against,
        "holdout": wording.number(holdout[0]) if holdout else "",
        "champion": champion,
        "gates": _value(walk, step, "gates"),
        "never": _value(walk, step, "never"),
        "rows": f"{step.scored.rows:,}" if step.scored.rows else "",
        "why": why,
    }


def _why(step: Step) -> str:
    """Return the reasons; of a promotion, for which all gates have one, those on the champion."""
    if step.outcome != "PROMOTE":
        return "; ".join(step.reasons)
    return "; ".join(["every gate passes", *(reason for reason in step.reasons if "champion" in reason)])


def _value(walk: Walk, step: Step, policy: Policy) -> str:
    score = walk.score(step, policy, walk.metric)
    return wording.number(score.value) if score else ""


def _facts(pipeline: Pipeline, walk: Walk) -> Iterator[tuple[str, str]]:
    data, wait = pipeline.spec.data, pipeline.spec.monitor.labels.wait
    yield (
        "candidates",
        (
            f"trained as of each tick on {format_duration(data.train_window)} before the holdout of "
            f"{format_duration(data.holdout_window)}: the same snapshots, validations and models as a run's"
        ),
    )
    yield (
        "verdicts",
        (
            "given by the pipeline's gates, on the holdout, against the champion that they would have had until then; "
            "approval, the limits on serving and the rollout are taken as passed"
        ),
    )
    yield (
        "rows afterwards",
        (
            "events from a tick up to the next one, with labels known by its end and "
            f"{format_duration(wait)} (monitor.labels.wait) more; those without a label by then do not count"
        ),
    )
    seen = sum(step.scored.seen for step in walk.steps)
    if seen:
        rows = sum(step.scored.rows for step in walk.steps)
        yield "labelled", f"{rows:,} of {seen:,} rows ({wording.percent(round(rows / seen, 4))})"
    yield "start", "all three policies begin with the first model that the gates let in"
