"""Gates with their numbers: what each said of a candidate, and by how much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from airloop.overview import limits
from airloop.overview.shapes import Gate, Number, SliceOfGate

if TYPE_CHECKING:
    from airloop.overview.verdicts import GateResult, Slice

_BOUNDS = re.compile(r" at (least|most) (-?[\d.,]+)")
MOST_SLICES = 200


def number_of(gate: GateResult) -> Number:
    """Return a gate's number and what it was held against: the gain where it could compare with the champion.

    The ledger has the same of the gate that decided: see ``airloop.gates.number``.
    """
    is_gain = gate.gain is not None
    lower, upper = gate.bound or (None, None)
    number = Number(
        rule=gate.rule,
        metric=gate.metric or "",
        is_gain=is_gain,
        value=gate.gain if is_gain else gate.value,
        lower=lower,
        upper=upper,
        threshold=gate.threshold if is_gain or gate.kind != "champion" else None,
    )
    return sided(number)


def sided(number: Number) -> Number:
    """Return a number as the ledger has it with the side of its threshold that meets the gate.

    Of two bounds the ledger has the first alone; here it is the one that decides.
    """
    if number.threshold is None:
        return number
    if number.is_gain:
        return msgspec.structs.replace(number, side="least")
    bounds = _bounds(number.rule, number.threshold)
    if not bounds:
        return number
    side, bound = min(bounds, key=lambda one: _room(number.value, *one))
    return msgspec.structs.replace(number, threshold=bound, side=side)


def gate_of(gate: GateResult, measured: Mapping[str, Any] | None = None) -> Gate:
    """Return what one gate said; of a limit on serving, what was ``measured`` when the bundle was verified."""
    status: Any = gate.status
    reason = gate.reason
    if gate.kind == "limits" and measured is not None:
        status, reason = limits.judged(gate, measured)
    return Gate(
        number=number_of(gate),
        status=status,
        reason=reason,
        is_shadow=gate.shadow,
        rows=gate.rows,
        champion=gate.champion,
        confidence=gate.confidence,
        margin=margin_of(gate),
        needed_rows=gate.needed_rows,
        slices=tuple(_slice(one) for one in gate.slices[:MOST_SLICES]),
    )


def margin_of(gate: GateResult) -> float | None:
    """Return how far the number that decides lies beyond what it must reach; negative where it falls short.

    Against the champion the lower bound decides, and where a gain is asked for, the gain as well.
    """
    if gate.kind == "champion":
        lower = gate.bound[0] if gate.bound else None
        if lower is None or gate.gain is None or gate.threshold is None:
            return None
        return min(lower - min(gate.threshold, 0.0), gate.gain - gate.threshold)
    if gate.value is None or gate.threshold is None:
        return None
    return min((_room(gate.value, *one) for one in _bounds(gate.rule, gate.threshold)), default=None)


def _slice(one: Slice) -> SliceOfGate:
    lower, upper = one.measured.interval or (None, None)
    return SliceOfGate(
        name=one.name,
        status=one.status,
        rows=one.measured.rows,
        value=one.measured.value,
        lower=lower,
        upper=upper,
        reason=one.reason,
    )


def _bounds(rule: str, threshold: float) -> list[tuple[Literal["least", "most"], float]]:
    """Return ``least`` and ``most`` with their bounds; the first one is kept exactly, the other only in words."""
    found = [(side, float(text.rstrip(".,").replace(",", ""))) for side, text in _BOUNDS.findall(rule)]
    return [(found[0][0], threshold), *found[1:]] if found else []


def _room(value: float | None, side: str, bound: float) -> float:
    """Return how far a value lies on the right side of a bound; 0 where there is none."""
    if value is None:
        return 0.0
    return value - bound if side == "least" else bound - value
