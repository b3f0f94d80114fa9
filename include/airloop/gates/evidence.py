"""What is known about candidate and champion on the holdout rows, and what the gates make of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from airloop import clock
from airloop.gates.absolute import judge_limits, judge_metric, judge_slices
from airloop.gates.champion import ChampionUnusable, LiveModel
from airloop.gates.holdout import Holdout, groups_of
from airloop.gates.verdict import GateResult, Measured, Status
from airloop.gates.versus import NO_CHAMPION, NotCompared, judge_champion
from airloop.spec.gates import ChampionGate, LimitGate, MetricGate, SliceGate
from airloop.spec.words import METRICS
from airloop.statistics.blocks import Blocks, blocks_of
from airloop.statistics.bounds import Comparison, compare, interval
from airloop.statistics.metrics import Array, OneClass, score

if TYPE_CHECKING:
    from airloop.features.schema import Schema
    from airloop.spec import Spec


@dataclass(frozen=True)
class Evidence:
    """Predictions for the same n labelled rows. ``fits`` are those of the released fit, then of its replicates."""

    schema: Schema
    holdout: Holdout
    fits: list[Array]
    champion: LiveModel | ChampionUnusable | None
    champion_fits: list[Array] = field(default_factory=list)
    """Empty where there is no champion, or it cannot be scored."""
    identical: str = ""
    """Why the candidate is the champion itself; empty where it is not."""
    _measured: dict[str, Measured] = field(default_factory=dict, repr=False)
    _compared: dict[str, Comparison | NotCompared] = field(default_factory=dict, repr=False)

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics for this task."""
        return [name for name, metric in METRICS.items() if self.schema.task in metric.tasks]

    @cached_property
    def blocks(self) -> Blocks | None:
        """Days (or hours) of the rows."""
        return blocks_of(self.holdout.times)

    @cached_property
    def later(self) -> Array:
        """Mask (n,) of the rows that the champion was not trained on either."""
        until = self.champion.trained_until if isinstance(self.champion, LiveModel) else None
        if until is None or self.holdout.times is None:
            return np.ones(len(self.holdout), dtype=bool)
        return np.asarray(self.holdout.times >= np.datetime64(until.replace(tzinfo=None), "us"))

    def measure(self, metric: str, chosen: Array | None = None) -> Measured:
        """Return a metric of the candidate on all rows, or on those where ``chosen`` is true."""
        if chosen is not None:
            return self._measure(metric, chosen)
        if metric not in self._measured:
            self._measured[metric] = self._measure(metric, None)
        return self._measured[metric]

    def compare(self, metric: str) -> Comparison | NotCompared:
        """Return the comparison with the champion on the rows later than either's training."""
        if metric not in self._compared:
            self._compared[metric] = self._compare(metric)
        return self._compared[metric]

    def _measure(self, metric: str, chosen: Array | None) -> Measured:
        mask = np.ones(len(self.holdout), dtype=bool) if chosen is None else chosen
        truth, fit = self.holdout.truth[mask], self.fits[0][mask]
        if not truth.size:
            return Measured(0, problem="no labelled holdout rows")
        blocks = self.blocks.among(mask) if self.blocks else None
        try:
            return Measured(len(truth), score(metric, truth, fit), "", interval(metric, truth, fit, blocks))
        except OneClass as error:
            return Measured(len(truth), problem=str(error))

    def _compare(self, metric: str) -> Comparison | NotCompared:
        if self.champion is None:
            return NO_CHAMPION
        why_not = self._why_not_compared(metric)
        if why_not:
            return NotCompared(Status.UNDECIDED, why_not)
        blocks = self.blocks.among(self.later) if self.blocks else None
        ours, theirs = ([fit[self.later] for fit in fits] for fits in (self.fits, self.champion_fits))
        try:
            return compare(metric, self.holdout.truth[self.later], ours, theirs, blocks)
        except OneClass as error:
            return NotCompared(Status.UNDECIDED, f"{metric} against the champion: {error}")

    def _why_not_compared(self, metric: str) -> str:
        if isinstance(self.champion, ChampionUnusable):
            return str(self.champion)
        if self.identical:
            return self.identical
        if not len(self.holdout):
            return f"{metric} against the champion: no labelled holdout rows"
        if isinstance(self.champion, LiveModel) and self.champion.trained_until and not self.later.any():
            until = clock.told(self.champion.trained_until)
            return (
                f"the champion (version {self.champion.version}) was trained on rows up to {until}: none here is later"
            )
        return ""


def judge_gates(spec: Spec, evidence: Evidence) -> list[GateResult]:
    """Return every gate's result, in the order of the spec."""
    versus = [gate for gate in spec.gates if isinstance(gate, ChampionGate)]
    rows = int(evidence.later.sum())
    compared = iter(judge_champion(versus, [evidence.compare(gate.metric) for gate in versus], rows))
    results = []
    for gate in spec.gates:
        if isinstance(gate, ChampionGate):
            results.append(next(compared))
        elif isinstance(gate, SliceGate):
            results.append(judge_slices(gate, _groups(gate, evidence)))
        elif isinstance(gate, MetricGate):
            results.append(judge_metric(gate, evidence.measure(gate.metric)))
        elif isinstance(gate, LimitGate):
            results.append(judge_limits(gate))
    return results


def _groups(gate: SliceGate, evidence: Evidence) -> dict[str, Measured]:
    """Return every group's measurement; values that training knew and the holdout lacks have 0 rows."""
    names, of_row = groups_of(evidence.holdout.frame[gate.slices])
    counts = np.bincount(of_row, minlength=len(names))
    groups = {
        name: evidence.measure(gate.metric, of_row == number) if rows >= gate.min_rows else Measured(int(rows))
        for number, (name, rows) in enumerate(zip(names, counts, strict=True))
    }
    known = next((feature.categories for feature in evidence.schema.features if feature.name == gate.slices), None)
    return groups | {name: Measured(0) for name in known or () if name not in groups}
