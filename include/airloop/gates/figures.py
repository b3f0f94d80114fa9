"""The pictures of a report: which charts a judgement has, from its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airloop.gates import charts, curves
from airloop.gates.evidence import Evidence
from airloop.gates.verdict import GateResult, SliceResult, Status
from airloop.reports.drawing import Spec, draw
from airloop.statistics.bounds import Comparison

CONFIDENCE = 0.95
"""Of every interval, one-sided where two models are compared."""
_MOST_FEATURES = 15
_MOST_SLICES = 30

Figure = tuple[Spec, str]
"""A chart, and what it shows in a few words."""


def figures(
    evidence: Evidence, gates: Sequence[GateResult], compared: Sequence[Comparison], importance: Mapping[str, float]
) -> dict[str, str]:
    """Return name → SVG of every chart that these rows allow."""
    specs: dict[str, Figure] = {}
    if compared:
        specs["gains"] = charts.gains([_gain_point(one) for one in compared]), "gain over the champion by metric"
    if len(evidence.holdout):
        specs |= {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[evidence.schema.task](
            evidence
        )
    important = sorted(importance.items(), key=lambda item: -item[1])[:_MOST_FEATURES]
    if important:
        rows = [{"name": name, "share": share} for name, share in important]
        specs["importance"] = charts.bars(rows), "importance of features"
    for number, result in enumerate(gates):
        points = [_slice_point(part) for part in result.slices if part.measured.value is not None][:_MOST_SLICES]
        if points:
            specs[f"slices-{number}"] = charts.slices(points, str(result.metric), result.threshold), result.rule
    return {name: draw(spec, label, number) for number, (name, (spec, label)) in enumerate(specs.items())}


def _binary(evidence: Evidence) -> dict[str, Figure]:
    truth, ours = evidence.holdout.truth, evidence.fits[0]
    both = [("candidate", ours)] + [("champion", fits) for fits in evidence.champion_fits[:1]]
    two = len(both) == 2
    bins = [point for model, fit in both for point in curves.calibration(truth, fit, model)]
    counts = curves.histogram(ours, 0, 1)
    specs = {"calibration": (charts.calibration(bins, counts, two=two), "calibration")}
    if 0 < truth.sum() < truth.size:
        roc = [point for model, fit in both for point in curves.roc(truth, fit, model)]
        recall = [point for model, fit in both for point in curves.precision_recall(truth, fit, model)]
        specs["roc"] = charts.curve(roc, "false alarms", "found", diagonal=True, two=two), "ROC curve"
        specs["recall"] = charts.curve(recall, "found (recall)", "right (precision)", diagonal=False, two=two), "recall"
    return specs


def _multiclass(evidence: Evidence) -> dict[str, Figure]:
    truth, ours, classes = evidence.holdout.truth, evidence.fits[0], evidence.schema.classes
    hit = (ours.argmax(axis=1) == truth).astype(float)
    bins = curves.calibration(hit, ours.max(axis=1), "candidate")
    counts = curves.histogram(ours.max(axis=1), 0, 1)
    return {
        "confusion": (charts.confusion(curves.confusion(truth, ours, classes), classes), "confusion matrix"),
        "calibration": (charts.calibration(bins, counts, two=False), "calibration of the most probable class"),
    }


def _regression(evidence: Evidence) -> dict[str, Figure]:
    truth, ours = evidence.holdout.truth, evidence.fits[0]
    error = ours - truth
    spread = curves.histogram(error, float(error.min()), float(error.max()))
    return {
        "residuals": (charts.residuals(curves.residuals(truth, ours), ""), "error over prediction"),
        "errors": (charts.histogram(spread, "predicted minus true"), "distribution of errors"),
    }


def _gain_point(comparison: Comparison) -> dict[str, Any]:
    lower, upper = comparison.lower(CONFIDENCE), comparison.upper(CONFIDENCE)
    says = "good" if lower > 0 else "bad" if upper < 0 else "open"
    return {"metric": comparison.metric, "gain": comparison.gain, "lower": lower, "upper": upper, "says": says}


def _slice_point(part: SliceResult) -> dict[str, Any]:
    low, high = part.measured.interval or (part.measured.value, part.measured.value)
    says = {Status.PASS: "good", Status.FAIL: "bad"}.get(part.status, "open")
    return {"name": part.name, "value": part.measured.value, "lower": low, "upper": high, "says": says}
