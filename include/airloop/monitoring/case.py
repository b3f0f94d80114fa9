"""One window's predictions with their labels, and what is said about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from airloop import clock
from airloop.errors import BundleError, SpecError
from airloop.features.labels import encode_label
from airloop.monitoring import log, log_rows, losses
from airloop.monitoring.arrivals import enough
from airloop.monitoring.estimate import estimate, why_not
from airloop.monitoring.freezing import answer_columns
from airloop.monitoring.frozen import open_window
from airloop.monitoring.labels import LABEL, join, known
from airloop.monitoring.measuring import Labelled, measure, measure_slices
from airloop.monitoring.scores import Estimated, Loss, Performance, Slice
from airloop.monitoring.source_health import BROKEN
from airloop.monitoring.window import Window
from airloop.profiles.reference import FOLDER, Reference
from airloop.refs import LabelsArrived, Level, WindowRef
from airloop.spec.words import METRICS
from airloop.statistics.metrics import Array

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from airloop.bundle import Bundle
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace


@dataclass(frozen=True)
class Case:
    """The rows that the window's version answered, m of them."""

    pipeline: Pipeline
    window: Window
    labels: LabelsArrived
    bundle: Bundle
    reference: Reference | BundleError
    table: pa.Table
    known: pd.DataFrame
    """``label``, ``known_at`` and what slices need beside the log, of every row."""
    truth: Array
    """Label as the model counts it, float64 (m,); NaN where it is not known or of a class that training never saw."""

    @classmethod
    def gather(cls, workspace: Workspace, pipeline: Pipeline, window: WindowRef, labels: LabelsArrived) -> Case:
        """Read the frozen window and the labels known by ``labels.known_until``."""
        from airloop.bundle import open_bundle

        bundle = open_bundle(workspace, window.bundle)
        table = open_window(workspace, window).answered
        stretch = Window(window.start, window.end)
        extra = _beside_the_log(pipeline, table)
        found = None
        if labels.source != BROKEN and log.key_columns(pipeline.spec):
            found = known(workspace, pipeline, stretch, labels.known_until, extra)
        joined = join(pipeline, table, found, extra)
        try:
            reference: Reference | BundleError = Reference.load(bundle.folder / FOLDER)
        except BundleError as error:
            reference = error
        truth = encode_label(bundle.schema, joined[LABEL])
        return cls(pipeline, stretch, labels, bundle, reference, table, joined, truth)

    def judge(self) -> Performance:
        """Return all that is said about the window."""
        rows = self._labelled()
        names = [name for name, metric in METRICS.items() if self.bundle.schema.task in metric.tasks]
        metrics = {name: measure(name, rows) for name in names}
        baseline = {} if isinstance(self.reference, BundleError) else self.reference.baseline
        rules = self.pipeline.spec.monitor.performance
        found = tuple(losses.weigh(rule, metrics[rule.metric], baseline.get(rule.metric)) for rule in rules)
        level, reasons, missing = self._verdict(found, len(rows))
        estimated, not_estimated = self._estimated()
        return Performance(
            pipeline=self.pipeline.name,
            window=self.window.name,
            version=self.bundle.version,
            level=level,
            reasons=reasons,
            predictions=self.table.num_rows,
            labelled=len(rows),
            known_until=clock.iso(self.labels.known_until),
            metrics=metrics,
            baseline=baseline,
            losses=found,
            slices=self._slices(rows),
            estimated=estimated,
            not_estimated=not_estimated,
            missing_rows=missing,
        )

    @property
    def _has_truth(self) -> Array:
        return np.isfinite(self.truth)

    def _labelled(self) -> Labelled:
        instants = log_rows.instants(self.pipeline.spec, self.table).astype("datetime64[us]")
        mask = self._has_truth
        return Labelled(self.truth[mask], self._answers()[mask], instants[mask])

    def _answers(self) -> Array:
        columns = [self.table[name].to_numpy() for name in answer_columns(self.bundle)]
        return np.asarray(columns[0]) if len(columns) == 1 else np.stack(columns, axis=1)

    def _verdict(self, found: tuple[Loss, ...], labelled: int) -> tuple[Level, tuple[str, ...], int]:
        """Return the level, its reasons and the labelled rows that are missing."""
        reasons = [loss.reason for loss in losses.worst_first(found)]
        strangers = int((self.known[LABEL].notna().to_numpy() & ~self._has_truth).sum())
        if strangers:
            reasons.append(f"{strangers:,} labels are of classes that training never saw; they are left out")
        if isinstance(self.reference, BundleError):
            reasons.append(str(self.reference))
        rule = self.pipeline.spec.monitor.labels
        if not self.labels.is_enough:
            missing = max(0, enough(rule, self.labels.predictions) - self.labels.labelled)
            return Level.INCONCLUSIVE, (*self.labels.reasons, *reasons), missing
        if labelled < rule.min_rows:
            short = f"{labelled:,} labelled predictions of version {self.bundle.version}, min_rows is {rule.min_rows:,}"
            return Level.INCONCLUSIVE, (short, *reasons), rule.min_rows - labelled
        if not found:
            reasons.append("monitor.performance has no rule: nothing says what would be a loss")
        level = losses.worst(loss.level for loss in found)
        return level, (*reasons, *self.labels.reasons), max((loss.missing_rows for loss in found), default=0)

    def _estimated(self) -> tuple[dict[str, Estimated], str]:
        if isinstance(self.reference, BundleError):
            return {}, str(self.reference)
        problem = why_not(self.bundle.schema.task, self.reference, self.table.num_rows)
        return ({}, problem) if problem else (estimate(self._answers(), self.reference), "")

    def _slices(self, rows: Labelled) -> tuple[Slice, ...]:
        found: list[Slice] = []
        for rule in self.pipeline.spec.monitor.performance:
            if rule.slices is not None:
                name = log.column(self.pipeline.spec, rule.slices)
                whole = log.as_frame(self.table.select([name]))[name] if name in self.table.column_names else None
                column = self.known[rule.slices] if whole is None else whole
                found += measure_slices(rule, rows, column[self._has_truth])
        return tuple(found)


def _beside_the_log(pipeline: Pipeline, table: pa.Table) -> tuple[str, ...]:
    """Return the columns of slices that are not in the log, and so come from the source with the labels."""
    spec = pipeline.spec
    wanted = dict.fromkeys(rule.slices for rule in spec.monitor.performance if rule.slices is not None)
    for name in wanted:
        if name in spec.data.private:
            raise SpecError(
                f"pipeline {spec.name} monitor.performance.slices: {name!r} is private (data.private): its values "
                "would stand in reports. Slice by another"
            )
    logged = set(table.column_names)
    return tuple(name for name in wanted if not (log.is_logged(spec, name) and log.column(spec, name) in logged))
