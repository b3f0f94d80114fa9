"""The page of a judgement: one HTML file that opens offline, with the verdict and its reasons on top."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop import clock
from airloop.errors import BundleError
from airloop.gates.champion import LiveModel
from airloop.gates.evidence import Evidence
from airloop.gates.figures import CONFIDENCE, figures
from airloop.gates.verdict import GateResult, SliceResult, Status, Verdict
from airloop.reports import page, wording
from airloop.statistics.bounds import Comparison

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot
    from airloop.spec import Pipeline
    from airloop.validation import Validation

_TEMPLATE = Path(__file__).with_name("report.html.j2")
_MOST_SLICES = 60


@dataclass(frozen=True)
class Subject:
    """What a report is about."""

    pipeline: Pipeline
    snapshot: Snapshot
    validation: Validation
    evidence: Evidence
    verdict: Verdict
    training: Mapping[str, Any]
    """What ``training.json`` says."""
    lineage: Mapping[str, str]
    """Digests by name."""


def render(subject: Subject) -> str:
    """Return the HTML page. All that comes from data or from the spec is escaped."""
    compared = _compared(subject.evidence)
    return page.render(
        _TEMPLATE,
        name=subject.pipeline.name,
        description=subject.pipeline.spec.description,
        verdict=subject.verdict,
        as_of=clock.told(subject.snapshot.as_of),
        champion=_champion(subject.evidence),
        gates=[_gate_row(result) for result in subject.verdict.gates],
        metrics=_metric_rows(subject.evidence, compared),
        unit=compared[0].unit if compared else "",
        noise=compared[0].training_noise if compared else "",
        figures=figures(subject.evidence, subject.verdict.gates, compared, subject.training.get("importance", {})),
        shown=_shown,
        most_slices=_MOST_SLICES,
        slices=[result for result in subject.verdict.gates if result.slices],
        facts=_facts(subject),
        warnings=subject.validation.warnings,
        missing=[clock.told(start) for start in subject.snapshot.missing],
        lineage=subject.lineage,
    )


def _shown(slices: tuple[SliceResult, ...]) -> list[SliceResult]:
    """Return the groups of a table: those judged first, and not more than a page can hold."""
    return sorted(slices, key=lambda part: part.status == Status.UNDECIDED)[:_MOST_SLICES]


def _compared(evidence: Evidence) -> list[Comparison]:
    found = [evidence.compare(metric) for metric in evidence.metrics]
    return [comparison for comparison in found if isinstance(comparison, Comparison)]


def _champion(evidence: Evidence) -> str:
    if isinstance(evidence.champion, LiveModel):
        live = evidence.champion.live
        until = clock.told(live.data_cut_off)
        return f"version {live.version}, live as generation {live.generation}, data up to {until}"
    return "none yet" if evidence.champion is None else str(evidence.champion)


def _gate_row(result: GateResult) -> dict[str, str]:
    sure = f" ({wording.percent(result.confidence)} sure)" if result.confidence and result.gain is not None else ""
    bound = ""
    if result.bound:
        lower, upper = result.bound
        words = wording.better_or_worse
        bound = f"{wording.number(lower)} to {wording.number(upper)}"
        bound = f"{words(lower)} to {words(upper)}{sure}" if result.gain is not None else bound
    return {
        "status": str(result.status),
        "label": "SHADOW " + str(result.status) if result.shadow else str(result.status),
        "rule": result.rule,
        "value": "" if result.value is None else wording.number(result.value),
        "champion": "" if result.champion is None else wording.number(result.champion),
        "bound": bound,
        "rows": f"{result.rows:,}" if result.rows else "",
        "needed": f"{result.needed_rows:,}" if result.needed_rows else "",
        "reason": result.reason,
    }


def _metric_rows(evidence: Evidence, compared: list[Comparison]) -> list[dict[str, str]]:
    by_metric = {comparison.metric: comparison for comparison in compared}
    rows = []
    for metric in evidence.metrics if len(evidence.holdout) else []:
        measured, comparison = evidence.measure(metric), by_metric.get(metric)
        low, high = measured.interval or (None, None)
        row = {
            "metric": metric,
            "value": measured.problem if measured.value is None else wording.number(measured.value),
            "interval": "" if low is None or high is None else f"{wording.number(low)} to {wording.number(high)}",
            "champion": "",
            "gain": "",
            "bound": "",
        }
        if comparison:
            lower, upper = comparison.lower(CONFIDENCE), comparison.upper(CONFIDENCE)
            row["champion"] = wording.number(comparison.champion)
            row["gain"] = wording.better_or_worse(comparison.gain)
            row["bound"] = f"{wording.better_or_worse(lower)} to {wording.better_or_worse(upper)}"
        rows.append(row)
    return rows


def _facts(subject: Subject) -> list[tuple[str, str]]:
    snapshot, evidence, training = subject.snapshot, subject.evidence, subject.training
    rows = training.get("rows", {})
    facts = [
        ("as of", clock.told(snapshot.as_of)),
        ("rows seen", f"{sum(part.rows for part in snapshot.partitions):,}"),
        ("partitions", f"{len(snapshot.partitions):,}"),
        ("labelled holdout rows", f"{len(evidence.holdout):,}"),
        ("quarantined rows", f"{evidence.holdout.quarantined:,}"),
        ("training rows", f"{rows.get('fit', 0):,} fitted, {rows.get('watch', 0):,} watched for early stopping"),
        ("rounds", f"{training.get('rounds', 0):,}"),
        ("fits compared", f"{len(evidence.fits)} of the candidate, {len(evidence.champion_fits)} of the champion"),
    ]
    if snapshot.train_start and snapshot.holdout_start:
        start, middle, end = (clock.told(one) for one in (snapshot.train_start, snapshot.holdout_start, snapshot.as_of))
        facts[1:1] = [("trained on", f"{start} to {middle}"), ("judged on", f"{middle} to {end}")]
    return facts


def read_training(folder: Path) -> dict[str, Any]:
    """Return what ``training.json`` in a model's folder says. Raises BundleError when it cannot be read."""
    try:
        record: dict[str, Any] = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder / 'training.json'} cannot be read: {error}; train the model again") from error
    return record
