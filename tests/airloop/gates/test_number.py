"""The one number of a verdict that a table shows."""

from __future__ import annotations

import math

import pytest

from airloop.gates.judge import entry_of
from airloop.gates.number import deciding, number_of
from airloop.gates.verdict import GateResult, Status, Verdict
from airloop.refs import Outcome

ABSOLUTE = GateResult(
    "metric",
    "roc_auc at least 0.62",
    Status.PASS,
    "0.7",
    metric="roc_auc",
    value=0.7,
    bound=(0.68, 0.72),
    threshold=0.62,
)
VERSUS = GateResult(
    "champion", "log_loss no worse than the champion's", Status.PASS, "better", metric="log_loss", value=0.5,
    champion=0.52, gain=0.02, bound=(0.005, 0.035), threshold=0.0,
)  # fmt: skip
FIRST = GateResult("champion", "log_loss no worse", Status.PASS, "no champion yet", metric="log_loss", threshold=0.0)
LIMITS = GateResult("limits", "bundle at most 50 MB", Status.LATER, "later")


def failed(gate: GateResult, status: Status = Status.FAIL) -> GateResult:
    return GateResult(**vars(gate) | {"status": status})


def verdict(outcome: Outcome, *gates: GateResult) -> Verdict:
    return Verdict(outcome, ("because",), gates, (), version="5", champion_version="4", rows=900, report="")


@pytest.mark.parametrize(
    ("outcome", "gates", "decided"),
    [
        (Outcome.PROMOTE, (ABSOLUTE, VERSUS, LIMITS), VERSUS),
        (Outcome.PROMOTE, (FIRST, ABSOLUTE), ABSOLUTE),
        (Outcome.REJECT, (VERSUS, failed(ABSOLUTE)), failed(ABSOLUTE)),
        (Outcome.HOLD, (ABSOLUTE, failed(VERSUS, Status.UNDECIDED)), failed(VERSUS, Status.UNDECIDED)),
        (Outcome.HOLD, (ABSOLUTE, VERSUS), None),
        (Outcome.PROMOTE, (LIMITS,), None),
    ],
)
def test_the_gate_that_decided_gives_the_number(outcome, gates, decided):
    assert deciding(verdict(outcome, *gates)) == decided


def test_a_gate_in_shadow_decides_nothing():
    shadow = GateResult(**vars(failed(VERSUS)) | {"shadow": True})
    assert deciding(verdict(Outcome.REJECT, shadow, failed(ABSOLUTE))) == failed(ABSOLUTE)


def test_a_comparison_tells_its_gain_and_a_bound_the_metric():
    assert number_of(VERSUS) == {
        "rule": VERSUS.rule, "metric": "log_loss", "is_gain": True, "value": 0.02, "lower": 0.005, "upper": 0.035,
        "threshold": 0.0,
    }  # fmt: skip
    absolute = number_of(ABSOLUTE)
    assert (absolute["is_gain"], absolute["value"], absolute["threshold"]) == (False, 0.7, 0.62)
    first = number_of(FIRST)
    assert (first["is_gain"], first["value"], first["threshold"]) == (False, None, None)


def test_what_is_no_json_number_is_left_out():
    assert number_of(GateResult(**vars(VERSUS) | {"bound": (-math.inf, 0.1)}))["lower"] is None


def test_the_ledger_keeps_the_number():
    assert entry_of(verdict(Outcome.PROMOTE, VERSUS), "m" * 64)["number"] == number_of(VERSUS)
    assert entry_of(verdict(Outcome.HOLD), "m" * 64)["number"] is None
