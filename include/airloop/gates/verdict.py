"""From measurements to PROMOTE, HOLD or REJECT, by pure functions of frozen values.

Every gate passes, fails or stays undecided, and says why in words. Any failure rejects; otherwise anything undecided
holds; only what was asked, measured and met promotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from airloop.refs import Outcome

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


@dataclass(frozen=True)
class Verdict:
    """What all gates say together about one candidate, and what it rests on."""

    outcome: Outcome
    reasons: tuple[str, ...]
    gates: tuple[GateResult, ...]
    warnings: tuple[str, ...]
    """What a person should read although it decides nothing."""
    version: str
    champion_version: str | None
    rows: int
    """Labelled holdout rows."""
    report: str
    """URI of the HTML page; "" where none was drawn."""
    metrics: dict[str, Measured] = field(default_factory=dict)
    """Of the candidate on the holdout, all that the task has."""


def decide(results: Sequence[GateResult], *, has_champion: bool, holds: Sequence[str] = ()) -> Decision:
    """Return the outcome with its reasons, those that decided it first.

    ``holds`` are reasons against a release that no gate knows, such as a candidate equal to the champion. Gates in
    shadow mode and limits on serving (judged at verification) never decide.
    """
    deciding = [result for result in results if not result.shadow and result.kind != "limits"]
    failed = [result.reason for result in deciding if result.status == Status.FAIL]
    if failed:
        return _decision(Outcome.REJECT, [*failed, *holds])
    undecided = [result.reason for result in deciding if result.status == Status.UNDECIDED]
    nothing = _nothing_judged(results, deciding, has_champion)
    if undecided or holds or nothing:
        return _decision(Outcome.HOLD, [*holds, *nothing, *undecided])
    return _decision(Outcome.PROMOTE, [result.reason for result in deciding])


def _decision(outcome: Outcome, reasons: list[str]) -> Decision:
    # Several gates may have one reason, such as a champion that cannot be judged.
    return Decision(outcome, tuple(dict.fromkeys(reasons)))


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
