"""The page of a window: one HTML file that opens offline, with the decision and its reasons on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop import clock, digest
from airloop.monitoring.figures import Figures, figures
from airloop.monitoring.recent import Moment, moments
from airloop.monitoring.wording_of_drift import NAMES, chance
from airloop.refs import Level
from airloop.reports import drawing, wording
from airloop.reports import page as pages

if TYPE_CHECKING:
    from airloop.monitoring.drift_record import ColumnRecord, DriftRecord
    from airloop.monitoring.policy import Decision
    from airloop.monitoring.scores import Performance
    from airloop.refs import DecisionRef, DriftRef, LabelsArrived, PerformanceRef, WindowRef
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

KIND = "reports"
FILE = "window.html"
FORMAT = 1
"""Of the page: raised where its look or words change, so that it is made again."""
_TEMPLATE = Path(__file__).with_name("window.html.j2")
_MOST_COLUMNS = 60
_MOST_CATEGORIES = 5


@dataclass(frozen=True)
class Subject:
    """What a window's page is about."""

    name: str
    description: str
    window: WindowRef
    drift: DriftRecord
    performance: Performance
    decision: Decision | DecisionRef
    labels: LabelsArrived
    past: tuple[Moment, ...]
    """The latest windows, the oldest first, this one last."""
    lineage: Mapping[str, str]
    """Digests by name."""


def publish(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    window: WindowRef,
    drift: DriftRef,
    performance: PerformanceRef,
    labels: LabelsArrived,
    decision: Decision,
) -> str:
    """Write the window's page to the store, once for the same contents, and return its URI.

    Raises DataError where the window's drift or performance is not in the store, and Unreachable.
    """
    subject = gather(
        workspace, pipeline, window=window, drift=drift, performance=performance, labels=labels, decision=decision
    )
    name = digest.of_value(
        {
            "format": FORMAT,
            "lineage": dict(subject.lineage),
            "labels": labels.model_dump(mode="json"),
            "decision": [str(decision.action), *decision.reasons],
            "past": [asdict(one) for one in subject.past],
        }
    )
    if not workspace.store.has(KIND, name):
        with workspace.store.writing(KIND, name) as folder:
            (folder / FILE).write_text(render(subject), encoding="utf-8")
    return f"{workspace.store.uri(KIND, name)}/{FILE}"


def gather(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    window: WindowRef,
    drift: DriftRef,
    performance: PerformanceRef,
    labels: LabelsArrived,
    decision: Decision | DecisionRef,
) -> Subject:
    """Return all that a page tells, read from store and ledger."""
    from airloop.monitoring.drift import load_drift
    from airloop.monitoring.scores import load_performance

    own = Moment(
        start=window.start.isoformat(),
        end=window.end.isoformat(),
        version=window.version,
        drift=str(drift.level),
        performance=str(performance.level),
        action=str(decision.action),
        metrics=performance.metrics,
        estimated=performance.estimated,
    )
    return Subject(
        name=pipeline.name,
        description=pipeline.spec.description,
        window=window,
        drift=load_drift(workspace, drift),
        performance=load_performance(workspace, performance),
        decision=decision,
        labels=labels,
        past=(*moments(workspace.ledger, pipeline.name, window), own),
        lineage={
            "window": window.digest,
            "drift": drift.digest,
            "performance": performance.digest,
            "bundle": window.bundle or "none",
        },
    )


def render(subject: Subject) -> str:
    """Return the HTML page. All that comes from data or from the spec is escaped."""
    drift, performance = subject.drift, subject.performance
    charts = figures(drift, performance, subject.past)
    return pages.render(
        _TEMPLATE,
        name=subject.name,
        description=subject.description,
        start=clock.told(subject.window.start),
        end=clock.told(subject.window.end),
        window=subject.window,
        decision=subject.decision,
        drift=drift,
        performance=performance,
        labels=subject.labels,
        method=NAMES[drift.rules.method],
        columns=[_column_row(one) for one in drift.columns[:_MOST_COLUMNS]],
        more_columns=max(len(drift.columns) - _MOST_COLUMNS, 0),
        metrics=_metric_rows(performance),
        losses={loss.metric: loss for loss in performance.losses},
        column_chance=chance(drift.column_level),
        figures=_drawn(charts),
        facts=_facts(subject),
        lineage=subject.lineage,
    )


def _drawn(charts: Figures) -> dict[str, dict[str, str]]:
    return {
        name: {"svg": drawing.draw(spec, title, number), "title": title, "text": text}
        for number, (name, (spec, title, text)) in enumerate(charts.items())
    }


def _column_row(column: ColumnRecord) -> dict[str, Any]:
    stretches = sorted(column.stretches)
    usual = f"{wording.number(stretches[0], 2)} to {wording.number(stretches[-1], 2)}" if stretches else "not known"
    return {
        "name": column.name,
        "role": "prediction" if column.is_prediction else wording.percent(round(column.importance, 3)),
        "level": str(column.level),
        "distance": wording.number(column.distance, 2),
        "noise": wording.number(column.noise, 2),
        "usual": usual,
        "chance": chance(column.chance),
        "notes": _notes(column),
    }


def _notes(column: ColumnRecord) -> list[str]:
    notes = []
    if column.nulls[0] != column.nulls[1]:
        before, now = (wording.percent(round(share, 3)) for share in column.nulls)
        notes.append(f"missing {before} → {now}")
    for word, found in (("new", column.new), ("vanished", column.vanished)):
        if found:
            named = [f"{name} {wording.percent(round(share, 4))}" for name, share in found.items()]
            notes.append(f"{word}: {wording.listed(named, _MOST_CATEGORIES)}")
    if column.level == Level.INCONCLUSIVE and column.needed_rows:
        notes.append(f"{column.needed_rows:,} rows would tell")
    return notes


def _metric_rows(performance: Performance) -> list[dict[str, str]]:
    losses = {loss.metric: loss for loss in performance.losses}
    names = dict.fromkeys([*losses, *performance.metrics, *performance.estimated])
    return [_metric_row(name, performance, losses.get(name)) for name in names]


def _metric_row(name: str, performance: Performance, loss: Any) -> dict[str, str]:
    measured, estimated = performance.metrics.get(name), performance.estimated.get(name)
    baseline = performance.baseline.get(name)
    row = {"name": name, "value": "", "interval": "", "baseline": "", "loss": "", "level": "", "estimate": ""}
    if measured is not None:
        row["value"] = measured.problem if measured.value is None else wording.number(measured.value)
        if measured.low is not None and measured.high is not None:
            row["interval"] = f"{wording.number(measured.low)} to {wording.number(measured.high)}"
    if baseline is not None:
        row["baseline"] = wording.number(baseline[0])
    if loss is not None:
        row["level"] = str(loss.level)
        row["loss"] = "" if loss.loss is None else wording.better_or_worse(-loss.loss)
    if estimated is not None:
        row["estimate"] = (
            f"{wording.number(estimated.value)} ({wording.number(estimated.low)} to {wording.number(estimated.high)})"
        )
    return row


def _facts(subject: Subject) -> list[tuple[str, str]]:
    window, labels, drift = subject.window, subject.labels, subject.drift
    natural = {
        "known": f"from {drift.stretches:,} stretches of the training data",
        "unknown": "not known for windows of this length",
        "none": "none: rows have no time and count as independent",
    }
    return [
        ("predictions", f"{window.rows:,}"),
        ("labelled", f"{labels.labelled:,}, known before {clock.told(labels.known_until)}"),
        ("version", window.version or "none"),
        ("looked at as of", clock.told(window.as_of)),
        ("natural variation", natural[drift.natural]),
        ("chance of a false alarm", f"{wording.percent(float(f'{100 * drift.rules.level:.2g}') / 100)} in this window"),
    ]
