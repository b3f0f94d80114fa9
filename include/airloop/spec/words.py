"""The words a pipeline.yaml may use for metrics, and which way each is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Metric:
    """A score: for which tasks, and whether more is better."""

    tasks: frozenset[Task]
    more_is_better: bool
    meaning: str


_BINARY: frozenset[Task] = frozenset({"binary"})
_CLASSES: frozenset[Task] = frozenset({"binary", "multiclass"})
_REGRESSION: frozenset[Task] = frozenset({"regression"})

METRICS: dict[str, Metric] = {
    "accuracy": Metric(_CLASSES, True, "share of rows whose most probable class is right"),
    "brier": Metric(_CLASSES, False, "mean squared distance of probabilities from what happened"),
    "calibration_error": Metric(_CLASSES, False, "expected calibration error, 10 bins of equal size"),
    "log_loss": Metric(_CLASSES, False, "mean negative log-likelihood, natural logarithm"),
    "mae": Metric(_REGRESSION, False, "mean absolute error, in the label's unit"),
    "pr_auc": Metric(_BINARY, True, "average precision: area under the precision-recall steps"),
    "r2": Metric(_REGRESSION, True, "share of variance explained"),
    "rmse": Metric(_REGRESSION, False, "root mean squared error, in the label's unit"),
    "roc_auc": Metric(_BINARY, True, "area under the ROC curve"),
}

TRAINERS = ("xgboost",)
"""Trainers that have a short name; others are given by their dotted path."""

NOTIFIERS: dict[str, tuple[str, ...]] = {"log": (), "smtp": ("to",), "webhook": ("conn_id", "url")}
"""Notifiers that have a short name, with the arguments of which one is needed; others have a dotted path."""
