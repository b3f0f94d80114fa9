"""Signs that a score is too good to be true. They warn and never decide: an easy problem looks the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airloop.gates.evidence import Evidence
from airloop.reports import wording

ALMOST_PERFECT = {"roc_auc": 0.999, "r2": 0.999, "accuracy": 0.999}
"""Reached honestly by easy problems, and by every model with a feature that knows the label."""
ONE_FEATURE = 0.9
"""Share of the importance above which the model is one feature."""
FALL = 1.5
"""Ratio of losses between holdout and the rows that early stopping watched that is worth a look."""
ENOUGH = 500
"""Watched rows below which their loss, the best of all rounds, is mostly luck."""


def suspicions(evidence: Evidence, training: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a person should look at: leakage, or a model that does not carry over to later rows."""
    for metric, limit in ALMOST_PERFECT.items():
        value = evidence.measure(metric).value if metric in evidence.metrics else None
        if value is not None and value >= limit:
            yield (
                f"{metric} {wording.number(value, 4)} is suspiciously perfect: check that no feature knows the label "
                f"(leakage). A gate {{metric: {metric}, max: {limit}}} turns this warning into a rejection"
            )
            break
    importance = training.get("importance", {})
    top = max(importance, key=importance.__getitem__, default="")
    if len(importance) > 1 and importance[top] > ONE_FEATURE:
        yield f"{top} alone has {wording.percent(importance[top])} of the importance: does it know the label?"
    if training.get("rows", {}).get("watch", 0) >= ENOUGH:
        for metric in ("log_loss", "rmse"):
            watched = training.get("metrics", {}).get(metric)
            value = evidence.measure(metric).value if metric in evidence.metrics else None
            if watched and value is not None and value > FALL * watched:
                yield (
                    f"{metric} {wording.number(value)} in the holdout against {wording.number(watched)} on the last "
                    "training rows: the model does not carry over (drift, or a leak that ended)"
                )
