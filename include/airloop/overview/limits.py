"""Limits on serving, which gates leave to the verification: what it found of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isclose
from typing import TYPE_CHECKING, Any, Literal

from airloop.errors import AirloopError
from airloop.reports.wording import number
from airloop.spec.gates import LIMIT_WORDS

if TYPE_CHECKING:
    from airloop.ledger import Entry
    from airloop.overview.verdicts import GateResult
    from airloop.workspace import Workspace

_MISSED = re.compile(r"(shadow: )?(.+?) (?:\S+ \S+ is above (\S+) \S+|could not be measured)")
"""A reason of ``airloop.verification.limits``."""


def measured(workspace: Workspace, verified: Entry | None) -> Mapping[str, Any] | None:
    """Return what a verification found, as far as the ledger knows it where it is not in the store any more."""
    if verified is None:
        return None
    try:
        kept = workspace.store.get_json("verifications", str(verified.payload.get("digest")))
    except (AirloopError, OSError, ValueError):
        kept = {}
    return {**kept, **verified.payload}


def judged(gate: GateResult, found: Mapping[str, Any]) -> tuple[Literal["PASS", "FAIL", "UNDECIDED"], str]:
    """Return whether a gate's limits were met, and the measured values that it is about."""
    bounds, reasons = _bounds(gate.rule), [str(reason) for reason in found.get("reasons", ())]
    missed = [reason.removeprefix("shadow: ") for reason in reasons if _is_about(gate, bounds, reason)]
    if missed:
        return "FAIL", f"{gate.rule}: {'; '.join(missed)}"
    if not found.get("latency_p99_ms"):
        return "UNDECIDED", f"{gate.rule}: not measured, for the verification failed before: {'; '.join(reasons)}"
    values = ((what, found.get(key), unit) for key, (what, unit) in LIMIT_WORDS.items() if what in bounds)
    told = ", ".join(f"{what} {number(float(value))} {unit}" for what, value, unit in values if value)
    return "PASS", f"{gate.rule}: met, {told}"


def _bounds(rule: str) -> dict[str, float]:
    """Return what a rule such as ``p99 latency at most 25 ms, image at most 1,000 MB`` bounds, and by how much."""
    parts = (part.partition(" at most ") for part in rule.split(", "))
    return {what: float(bound.split()[0].replace(",", "")) for what, _, bound in parts if bound}


def _is_about(gate: GateResult, bounds: Mapping[str, float], reason: str) -> bool:
    found = _MISSED.fullmatch(reason)
    if found is None or bool(found[1]) != gate.shadow or found[2] not in bounds:
        return False
    # The rule's number is rounded for reading.
    return found[3] is None or isclose(float(found[3]), bounds[found[2]], rel_tol=0.01)
