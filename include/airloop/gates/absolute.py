"""Gates that need no champion: bounds on a metric, on a metric in every group of rows, and on what serving costs."""

from __future__ import annotations

from airloop.gates.verdict import GateResult, Measured, SliceResult, Status
from airloop.reports import wording
from airloop.reports.rules import rule_of
from airloop.spec.gates import LimitGate, MetricGate, SliceGate


def judge_metric(gate: MetricGate, measured: Measured) -> GateResult:
    """Return what an absolute bound says about a metric on all labelled holdout rows."""
    status, reason, needed = _absolute(gate, measured)
    return GateResult(
        kind="metric",
        rule=rule_of(gate),
        status=status,
        reason=reason,
        shadow=gate.mode == "shadow",
        metric=gate.metric,
        rows=measured.rows,
        value=measured.value,
        bound=measured.interval,
        threshold=gate.min if gate.min is not None else gate.max,
        needed_rows=needed,
    )


def judge_slices(gate: SliceGate, groups: dict[str, Measured]) -> GateResult:
    """Return what an absolute bound says about every group; small ones are listed, not judged.

    The result's value is that of the worst judged group. UNDECIDED when no group could be judged.
    """
    slices = tuple(_judge_slice(gate, name, measured) for name, measured in groups.items())
    judged = [part for part in slices if part.status != Status.UNDECIDED]
    failed = [part.reason for part in judged if part.status == Status.FAIL]
    left_out = [part.name for part in slices if part.status == Status.UNDECIDED]
    if failed:
        status, reason = Status.FAIL, f"{gate.slices}: {wording.listed(failed, 5, '; ')}"
    elif not judged:
        status, reason = Status.UNDECIDED, _no_slice(gate, slices)
    else:
        status, reason = Status.PASS, f"{rule_of(gate)}: met in all {len(judged)} judged"
    if left_out and judged:
        reason += f" (not judged: {wording.listed(left_out)})"
    worst = _worst(gate, judged)
    largest = max((part.measured.rows for part in slices), default=0)
    return GateResult(
        kind="slices",
        rule=rule_of(gate),
        status=status,
        reason=reason,
        shadow=gate.mode == "shadow",
        metric=gate.metric,
        rows=sum(part.measured.rows for part in slices),
        value=worst.measured.value if worst else None,
        threshold=gate.min if gate.min is not None else gate.max,
        needed_rows=gate.min_rows - largest if not judged and largest < gate.min_rows else None,
        slices=slices,
    )


def judge_limits(gate: LimitGate) -> GateResult:
    """Return LATER: latency and size are measured on the bundle itself."""
    return GateResult(
        kind="limits",
        rule=rule_of(gate),
        status=Status.LATER,
        reason=f"{rule_of(gate)}: judged when the bundle is verified",
        shadow=gate.mode == "shadow",
    )


def too_few(rows: int, needed: int) -> str:
    """Return the reason for a holdout below ``min_rows``."""
    return f"only {rows:,} labelled holdout rows, {needed:,} needed: {needed - rows:,} more"


def _absolute(gate: MetricGate, measured: Measured) -> tuple[Status, str, int | None]:
    if measured.rows < gate.min_rows:
        reason = f"{gate.metric}: {too_few(measured.rows, gate.min_rows)}"
        return Status.UNDECIDED, reason, gate.min_rows - measured.rows
    if measured.value is None:
        return Status.UNDECIDED, measured.problem, None
    if gate.min is not None and measured.value < gate.min:
        value, least = wording.apart(measured.value, gate.min)
        return Status.FAIL, f"{gate.metric} {value} is below the least allowed, {least}", None
    if gate.max is not None and measured.value > gate.max:
        value, most = wording.apart(measured.value, gate.max)
        return Status.FAIL, f"{gate.metric} {value} is above the most allowed, {most}", None
    bounds = rule_of(gate).removeprefix(rule_of(gate).split(" at ")[0] + " ")
    return Status.PASS, f"{gate.metric} {wording.number(measured.value)}, {bounds}", None


def _judge_slice(gate: SliceGate, name: str, measured: Measured) -> SliceResult:
    if measured.rows < gate.min_rows:
        reason = f"{measured.rows:,} rows, {gate.min_rows:,} needed" if measured.rows else "no rows in the holdout"
        return SliceResult(name, Status.UNDECIDED, measured, reason)
    status, reason, _ = _absolute(gate, measured)
    return SliceResult(name, status, measured, f"{name}: {reason}")


def _no_slice(gate: SliceGate, slices: tuple[SliceResult, ...]) -> str:
    small = all(part.measured.rows < gate.min_rows for part in slices)
    why = f"none has {gate.min_rows:,} rows" if small else "none has a value"
    return f"{gate.metric} by {gate.slices}: no group could be judged, {why} ({len(slices):,} groups)"


def _worst(gate: SliceGate, judged: list[SliceResult]) -> SliceResult | None:
    def room(part: SliceResult) -> float:
        value = part.measured.value or 0.0
        below = value - gate.min if gate.min is not None else float("inf")
        return min(below, gate.max - value if gate.max is not None else float("inf"))

    return min(judged, key=room, default=None)
