"""Realised performance: a window's predictions against the labels that had become known.

A rule of ``monitor.performance`` compares the window with the model's own holdout. The loss must be large *and* sure:

- ACT: the loss is at least ``act``, and its one-sided 95 % bound is above 0 (noise of window and holdout together, days
  as blocks where there are five; Student's t with Welch-Satterthwaite degrees of freedom).
- WARN: the same with ``warn``.
- INCONCLUSIVE: the loss is at least ``act`` but may be noise; it says how many more labelled rows would tell.
- OK: else, a loss between ``warn`` and ``act`` that may be noise included.

The window's level is the worst of its rules': ACT, WARN, INCONCLUSIVE, OK. Too few labels, one class only, a reference
without baseline, or no rule at all are INCONCLUSIVE with their reason; metrics are shown wherever they exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

import airloop
from airloop import clock, digest
from airloop.monitoring.case import Case
from airloop.monitoring.scores import FILE, KIND, Performance, load_performance
from airloop.monitoring.window import Window
from airloop.refs import LabelsArrived, Level, PerformanceRef, WindowRef

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

__all__ = ["Performance", "load_performance", "score"]

FORMAT = 1


def score(workspace: Workspace, pipeline: Pipeline, *, window: WindowRef, labels: LabelsArrived) -> PerformanceRef:
    """Return how good the window's version was, written to the store under the digest of predictions and labels.

    Labels that became known after ``labels.known_until`` change nothing. Raises DataError where the source cannot be
    read (and ``labels`` did not say so already), SpecError for a slice by a column that is private or nowhere,
    BundleError and Unreachable.
    """
    case = Case.gather(workspace, pipeline, window, labels) if window.rows else None
    name = digest.of_value(
        {
            "format": FORMAT,
            "airloop": airloop.__version__,
            "window": window.digest,
            "labels": labels.model_dump(mode="json"),
            "truth": digest.of_bytes(case.truth.tobytes()) if case else "",
            "rules": pipeline.spec.monitor.model_dump(mode="json", include={"labels", "performance"}),
        }
    )
    if not workspace.store.has(KIND, name):
        found = case.judge() if case else _empty(pipeline, window, labels)
        with workspace.store.writing(KIND, name) as folder:
            (folder / FILE).write_bytes(
                msgspec.json.format(msgspec.json.encode(found, order="deterministic"), indent=1)
            )
    return _ref(workspace, name)


def _empty(pipeline: Pipeline, window: WindowRef, labels: LabelsArrived) -> Performance:
    return Performance(
        pipeline=pipeline.name,
        window=Window(window.start, window.end).name,
        version="",
        level=Level.INCONCLUSIVE,
        reasons=labels.reasons,
        predictions=0,
        labelled=0,
        known_until=clock.iso(labels.known_until),
        not_estimated="no predictions",
        missing_rows=pipeline.spec.monitor.labels.min_rows,
    )


def _ref(workspace: Workspace, name: str) -> PerformanceRef:
    """Read back what stands in the store: also where another run was first."""
    found = load_performance(workspace, name)
    metrics = {metric: measured.value for metric, measured in found.metrics.items() if measured.value is not None}
    return PerformanceRef(
        digest=name,
        uri=workspace.store.uri(KIND, name),
        level=found.level,
        reasons=found.reasons,
        labelled=found.labelled,
        metrics=metrics,
        estimated={metric: one.value for metric, one in found.estimated.items()},
        missing_rows=found.missing_rows,
        baseline={loss.metric: loss.baseline for loss in found.losses if loss.baseline is not None},
    )
