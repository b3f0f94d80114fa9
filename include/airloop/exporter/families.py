"""Facts as metrics. Instants are Unix seconds, so that an age is ``time() - x``; states are 1 for the one that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from airloop.exporter.facts import COUNTED, Facts, Pipeline
from airloop.monitoring.past import window_of
from airloop.refs import Action, Level, Outcome

_SHORT = 12


def families(facts: Facts) -> Iterator[Metric]:
    """Yield every metric, also those that have no sample now."""
    yield from _exporter(facts)
    yield from _descriptions(facts.pipelines)
    yield from _champions(facts.pipelines)
    yield from _counts(facts)
    yield from _verdicts(facts.pipelines)
    yield from _windows(facts.pipelines)
    yield from _columns(facts.pipelines)
    yield from _decisions(facts.pipelines)


class _Gauge:
    """A gauge that is filled by ``pipeline`` and further labels."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self.family = GaugeMetricFamily(f"airloop_{name}", text, labels=["pipeline", *labels])

    def add(self, pipeline: Pipeline, value: Any, *labels: str) -> None:
        if value is not None:
            self.family.add_metric([pipeline.name, *labels], float(value))


def _exporter(facts: Facts) -> Iterator[Metric]:
    up = GaugeMetricFamily("airloop_source_up", "Whether a source of these metrics answered", labels=["source"])
    for source, is_up in facts.is_up.items():
        up.add_metric([source], float(is_up))
    yield up
    yield GaugeMetricFamily("airloop_look_seconds", "How long the last look at the sources took", facts.seconds)


def _descriptions(pipelines: tuple[Pipeline, ...]) -> Iterator[Metric]:
    info = _Gauge("pipeline_info", "A pipeline, its target and its owner", "target", "owner")
    broken = _Gauge("pipeline_broken", "1 where the description is wrong or gone")
    drift = _Gauge("drift_limit", "Distance from which a column counts as moved", "level")
    window = _Gauge("window_seconds", "Length of the windows that monitoring looks at")
    fresh = _Gauge("champion_fresh_within_seconds", "Longest time wanted without a new champion")
    latency = _Gauge("latency_limit_seconds", "Largest 99th percentile that the gates allow")
    for pipeline in pipelines:
        rules = pipeline.rules
        broken.add(pipeline, rules is None)
        if rules is None:
            continue
        info.add(pipeline, 1, rules.target, rules.owner)
        window.add(pipeline, rules.window_s)
        fresh.add(pipeline, rules.fresh_within_s)
        latency.add(pipeline, rules.latency_s)
        for level, distance in rules.drift.items():
            drift.add(pipeline, distance, level)
    yield from (gauge.family for gauge in (info, broken, drift, window, fresh, latency))


def _champions(pipelines: tuple[Pipeline, ...]) -> Iterator[Metric]:
    info = _Gauge("champion_info", "What is live", "target", "version", "bundle", "kind")
    generation = _Gauge("champion_generation", "Counts what went live on a target", "target")
    cut_off = _Gauge("champion_data_cut_off_timestamp_seconds", "Until when its data reach", "target")
    since = _Gauge("champion_released_timestamp_seconds", "When it first went live", "target")
    for pipeline in pipelines:
        for champion, released in pipeline.champions:
            at = champion.target
            info.add(pipeline, 1, at, champion.version, champion.bundle[:_SHORT], champion.kind)
            generation.add(pipeline, champion.generation, at)
            cut_off.add(pipeline, champion.data_cut_off.timestamp(), at)
            since.add(pipeline, released.timestamp(), at)
    yield from (gauge.family for gauge in (info, generation, cut_off, since))


_TOTALS: Mapping[str, tuple[str, str]] = {
    "releases": ("How releases ended", "outcome"),
    "verdicts": ("Verdicts on candidates", "outcome"),
    "decisions": ("Decisions on windows", "action"),
    "alerts": ("Alerts that were told", "event"),
}


def _counts(facts: Facts) -> Iterator[Metric]:
    totals = {
        name: CounterMetricFamily(f"airloop_{name}", text, labels=["pipeline", label])
        for name, (text, label) in _TOTALS.items()
    }
    # From 0 on, so that the first one counts as an increase.
    possible = {(one.name, kind, said) for one in facts.pipelines for kind, words in COUNTED.items() for said in words}
    for pipeline, kind, said in sorted(possible | set(facts.counts)):
        family = totals.get(f"{kind}s", totals["releases"])
        family.add_metric([pipeline, said], facts.counts.get((pipeline, kind, said), 0))
    yield from totals.values()


def _verdicts(pipelines: tuple[Pipeline, ...]) -> Iterator[Metric]:
    outcome = _Gauge("verdict", "1 for the outcome of the last verdict", "outcome")
    instant = _Gauge("verdict_timestamp_seconds", "When the last verdict was recorded")
    metric = _Gauge("verdict_metric", "Metrics of the last candidate on its later rows", "metric", "bound")
    for pipeline in pipelines:
        entry = pipeline.last.get("verdict")
        if entry is None:
            continue
        instant.add(pipeline, entry.recorded_at.timestamp())
        for each in Outcome:
            outcome.add(pipeline, entry.payload.get("outcome") == each, each)
        for name, bounds in entry.payload.get("metrics", {}).items():
            for bound, value in zip(("value", "lower", "upper"), bounds, strict=True):
                metric.add(pipeline, value, name, bound)
    yield from (gauge.family for gauge in (outcome, instant, metric))


def _windows(pipelines: tuple[Pipeline, ...]) -> Iterator[Metric]:
    end = _Gauge("window_end_timestamp_seconds", "End of the last window that was looked at", "what")
    instant = _Gauge("window_looked_at_timestamp_seconds", "When the last window was looked at", "what")
    level = _Gauge("window_level", "1 for the level of the last window", "what", "level")
    rows = _Gauge("window_rows", "Predictions in the last window whose drift was scored")
    labelled = _Gauge("window_labelled_rows", "Predictions with a known label in the last window that was measured")
    metric = _Gauge("performance", "Metrics of the last window, by labels or estimated", "metric", "how")
    for pipeline in pipelines:
        for what in ("drift", "performance"):
            entry = pipeline.last.get(what)
            if entry is None:
                continue
            said = entry.payload
            end.add(pipeline, window_of(entry.subject).end.timestamp(), what)
            instant.add(pipeline, entry.recorded_at.timestamp(), what)
            for one in Level:
                level.add(pipeline, said["level"] == one, what, one)
            (rows if what == "drift" else labelled).add(pipeline, said["rows" if what == "drift" else "labelled"])
            for how, values in (("measured", said.get("metrics", {})), ("estimated", said.get("estimated", {}))):
                for name, value in values.items():
                    metric.add(pipeline, value, name, how)
    yield from (gauge.family for gauge in (end, instant, level, rows, labelled, metric))


def _columns(pipelines: tuple[Pipeline, ...]) -> Iterator[Metric]:
    distance = _Gauge("drift_distance", "Distance of a column from what the model learned", "column", "side")
    importance = _Gauge("drift_importance", "Share of a column in what the model rests on", "column", "side")
    for pipeline in pipelines:
        for column in pipeline.columns:
            distance.add(pipeline, column.distance, column.name, column.side)
            importance.add(pipeline, column.importance, column.name, column.side)
    yield from (distance.family, importance.family)


def _decisions(pipelines: tuple[Pipeline, ...]) -> Iterator[Metric]:
    decision = _Gauge("decision", "1 for the last decision", "action")
    unanswered = _Gauge("retraining_unanswered", "1 while no run answers the newest decision to retrain")
    for pipeline in pipelines:
        unanswered.add(pipeline, pipeline.is_unanswered)
        entry = pipeline.last.get("decision")
        if entry is not None:
            for action in Action:
                decision.add(pipeline, entry.payload["action"] == action, action)
    yield from (decision.family, unanswered.family)
