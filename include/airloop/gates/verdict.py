"""From measurements to PROMOTE, HOLD or REJECT, by pure functions of frozen values.

Every gate passes, fails or stays undecided, and says why in words. Any failure rejects; otherwise anything undecided
holds; only what was asked, measured and met promotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from airloop.gates import wording
from airloop.refs import Outcome
from airloop.spec.gates import LimitGate, MetricGate, SliceGate

Kind = Literal["metric", "champion", "slices", "limits"]


class Status(StrEnum):
    """What one gate says."""

    PASS = "PASS"  # noqa: S105  # not a password
    FAIL = "FAIL"
    UNDECIDED = "UNDECIDED"
    LATER = "LATER"
    """Judged when the bundle is verified."""


@dataclass(frozen=True)
class Measured:
    """A metric on some labelled rows; ``value`` is None where ``problem`` says why there is none."""

    rows: int
    value: float | None = None
    problem: str = ""
    interval: tuple[float, float] | None = None
    """Two-sided, 95 %, over other rows; for the eye, gates compare ``value``."""


@dataclass(frozen=True)
class SliceResult:
    """One group of rows: PASS, FAIL, or UNDECIDED for one that is listed and not judged."""

    name: str
    status: Status
    measured: Measured
    reason: str


@dataclass(frozen=True)
class GateResult:
    """What one gate says, with the numbers it rests on."""

    kind: Kind
    rule: str
    """The gate in words, for example ``roc_auc at least 0.62``."""
    status: Status
    reason: str
    shadow: bool = False
    """Reported and never decides."""
    metric: str | None = None
    rows: int = 0
    value: float | None = None
    """The candidate's."""
    champion: float | None = None
    """The champion's, in the same metric on the same rows."""
    gain: float | None = None
    """Estimated gain over the champion, positive for the better."""
    bound: tuple[float, float] | None = None
    """Of the gain: lower and upper, each one-sided at ``confidence``; of the value where there is no champion."""
    confidence: float | None = None
    """After the correction for several gates."""
    threshold: float | None = None
    """What value or gain must reach."""
    needed_rows: int | None = None
    """Further labelled rows that would decide it; None where it is decided or rows cannot."""
    slices: tuple[SliceResult, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What all gates say together."""

    outcome: Outcome
    reasons: tuple[str, ...]


def decide(results: Sequence[GateResult], *, has_champion: bool, holds: Sequence[str] = ()) -> Decision:
    """Return the outcome with its reasons, those that decided it first.

    ``holds`` are reasons against a release that no gate knows, such as a candidate equal to the champion. Gates in
    shadow mode and limits on serving (judged at verification) never decide.
    """
    deciding = [result for result in results if not result.shadow and result.kind != "limits"]
    failed = [result.reason for result in deciding if result.status == Status.FAIL]
    if failed:
        return Decision(Outcome.REJECT, (*failed, *holds))
    undecided = [result.reason for result in deciding if result.status == Status.UNDECIDED]
    nothing = _nothing_judged(results, deciding, has_champion)
    if undecided or holds or nothing:
        return Decision(Outcome.HOLD, (*holds, *nothing, *undecided))
    return Decision(Outcome.PROMOTE, tuple(result.reason for result in deciding))


def _nothing_judged(results: Sequence[GateResult], deciding: list[GateResult], has_champion: bool) -> list[str]:
    if not deciding:
        shadows = sum(result.shadow for result in results)
        what = f"all {shadows} gates are in shadow mode" if shadows else "no gate is configured"
        if any(result.kind == "limits" for result in results) and not shadows:
            what = "only limits on serving are configured"
        return [f"{what}: nothing says that the model is good. Add one to `gates`, for example a metric with `min`"]
    if not has_champion and not any(result.kind in ("metric", "slices") for result in deciding):
        return ["no champion yet, and no absolute gate: add one to `gates`, for example a metric with `min`"]
    return []


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
        status, reason = Status.FAIL, f"{gate.slices}: {'; '.join(failed)}"
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


def rule_of(gate: MetricGate | SliceGate | LimitGate) -> str:
    """Return an absolute gate in words."""
    if isinstance(gate, LimitGate):
        limits = (("p99 latency", gate.latency_p99_ms, "ms"), ("bundle", gate.bundle_mb, "MB"))
        return ", ".join(f"{what} at most {wording.number(most)} {unit}" for what, most, unit in limits if most)
    bounds = [f"at least {wording.number(gate.min, 6)}"] if gate.min is not None else []
    bounds += [f"at most {wording.number(gate.max, 6)}"] if gate.max is not None else []
    where = f" in every {gate.slices}" if isinstance(gate, SliceGate) else ""
    return f"{gate.metric}{where} {' and '.join(bounds)}"


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
