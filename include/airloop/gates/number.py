"""The one number of a gate that tells most: for tables in which a verdict has one line."""

from __future__ import annotations

import math
from typing import Any

from airloop.gates.verdict import GateResult, Status, Verdict
from airloop.refs import Outcome

_DECIDES = {Outcome.REJECT: Status.FAIL, Outcome.HOLD: Status.UNDECIDED, Outcome.PROMOTE: Status.PASS}


def deciding(verdict: Verdict) -> GateResult | None:
    """Return the gate that decided: the first that failed, was undecided, or for PROMOTE was passed.

    Of several, one that compared with the champion comes first. None where something else than a gate decided.
    """
    status = _DECIDES[Outcome(verdict.outcome)]
    found = [one for one in verdict.gates if one.status == status and not one.shadow and one.metric]
    return min(found, key=lambda one: (one.gain is None, one.value is None), default=None)


def number_of(result: GateResult) -> dict[str, Any]:
    """Return the gate's number with its bounds and what it is held against, as JSON-like values.

    ``value`` is the gain over the champion where the gate could compare, else the metric itself.
    """
    is_gain = result.gain is not None
    lower, upper = result.bound or (None, None)
    is_comparable = is_gain or result.kind != "champion"
    return {
        "rule": result.rule,
        "metric": result.metric or "",
        "is_gain": is_gain,
        "value": _finite(result.gain if is_gain else result.value),
        "lower": _finite(lower),
        "upper": _finite(upper),
        "threshold": _finite(result.threshold) if is_comparable else None,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
