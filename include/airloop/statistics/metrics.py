"""The metrics of ``airloop.spec.words``, on NumPy arrays: equal to scikit-learn's, without importing it.

``truth`` (n,) is 0 or 1 (binary), the index of the class (multiclass) or a number in the label's unit (regression).
``predictions`` are probabilities of class 1 (n,), of k classes (n, k), or numbers (n,). ``weights`` (n,) are not
negative and default to 1. Every function raises ValueError for no rows, for shapes that do not fit and for numbers that
are not finite, and OneClass where a metric needs two different labels and finds one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from airloop.errors import nearest

Array = npt.NDArray[Any]
BINS = 10
"""Of calibration_error, each with the same number of rows."""


class OneClass(ValueError):
    """All rows have the same label, so this metric does not exist for them."""


def roc_auc(truth: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the area under the ROC curve (0 to 1; ties count half; Hanley & McNeil 1982)."""
    truth, predictions, weights = _checked(truth, predictions, weights)
    positive, negative = _grouped_by_score(truth, predictions, weights)
    _need_both("roc_auc", positive.sum(), negative.sum())
    above = positive.cumsum() - positive / 2
    return float(above @ negative / (positive.sum() * negative.sum()))


def pr_auc(truth: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the average precision (0 to 1): precision at each threshold, weighted by the recall it adds.

    No interpolation between thresholds (Davis & Goadrich 2006).
    """
    truth, predictions, weights = _checked(truth, predictions, weights)
    positive, negative = _grouped_by_score(truth, predictions, weights)
    _need_both("pr_auc", positive.sum(), negative.sum())
    flagged = (positive + negative).cumsum()
    precision = np.divide(positive.cumsum(), flagged, out=np.zeros_like(flagged), where=flagged > 0)
    return float(positive @ precision / positive.sum())


def log_loss(truth: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the mean negative log-likelihood (natural logarithm, 0 = certain and right; Good 1952)."""
    return _weighted_mean("log_loss", truth, predictions, weights)


def brier(truth: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the Brier score (1950): mean squared distance from what happened, summed over the classes if k > 1."""
    return _weighted_mean("brier", truth, predictions, weights)


def accuracy(truth: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the share of rows whose most probable class is right; a binary 0.5 counts as class 0."""
    return _weighted_mean("accuracy", truth, predictions, weights)


def mae(truth: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the mean absolute error, in the label's unit."""
    return _weighted_mean("mae", truth, predictions, weights)


def rmse(truth: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the root mean squared error, in the label's unit."""
    truth, predictions, weights = _checked(truth, predictions, weights)
    return float(np.sqrt(np.average((predictions - truth) ** 2, weights=weights)))


def r2(truth: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the share of variance explained: 1 is perfect, 0 as good as the mean, below 0 worse than it."""
    truth, predictions, weights = _checked(truth, predictions, weights)
    spread = weights @ (truth - np.average(truth, weights=weights)) ** 2
    if not spread > 0:
        raise OneClass(f"r2 needs labels that differ; all {truth.size:,} rows have {truth[0]:g}")
    return float(1 - weights @ (truth - predictions) ** 2 / spread)


def calibration_error(truth: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the expected calibration error (0 to 1; Naeini et al. 2015) over 10 bins with equally many rows.

    Equal predictions share a bin. For k classes it is that of the most probable class (Guo et al. 2017). It is never 0
    for finitely many rows: about 0.01 for 6,000 rows of a perfectly calibrated model.
    """
    truth, predictions, weights = _checked(truth, predictions, weights)
    bins, surplus = calibration_bins(truth, predictions)
    return float(np.abs(np.bincount(bins, weights * surplus)).sum() / weights.sum())


def calibration_bins(truth: Array, predictions: Array) -> tuple[Array, Array]:
    """Return every row's bin, 0 to 9, and its surplus of promised over observed, both of shape (n,)."""
    if predictions.ndim == 2:
        confidence, hit = predictions.max(axis=1), predictions.argmax(axis=1) == truth
    else:
        confidence, hit = predictions, truth == 1
    edges = np.quantile(confidence, np.arange(1, BINS) / BINS)
    return np.searchsorted(edges, confidence, side="left"), confidence - hit


def row_losses(metric: str, truth: Array, predictions: Array) -> Array:
    """Return every row's share in a metric that is a mean: accuracy, brier, log_loss or mae; shape (n,)."""
    if metric == "mae":
        return np.asarray(np.abs(predictions - truth))
    if metric == "accuracy":
        chosen = predictions.argmax(axis=1) if predictions.ndim == 2 else predictions > 0.5
        return np.asarray(chosen == truth, np.float64)
    if metric == "brier":
        happened = np.eye(predictions.shape[1])[truth.astype(int)] if predictions.ndim == 2 else truth
        squares = (predictions - happened) ** 2
        return np.asarray(squares.sum(axis=1) if squares.ndim == 2 else squares)
    if predictions.ndim == 1:
        likelihood = np.where(truth == 1, predictions, 1 - predictions)
    else:
        likelihood = predictions[np.arange(truth.size), truth.astype(int)]
    # A promise of exactly 0 that comes true must cost much, but not infinitely much.
    return np.asarray(-np.log(np.clip(likelihood, np.finfo(np.float64).eps, 1.0)))


MEANS = ("accuracy", "brier", "log_loss", "mae")
"""Metrics that are means over rows."""

Function = Callable[[Array, Array, Array | None], float]
FUNCTIONS: dict[str, Function] = {
    function.__name__: function
    for function in (accuracy, brier, calibration_error, log_loss, mae, pr_auc, r2, rmse, roc_auc)
}
"""Every metric of a spec by its name."""


def score(metric: str, truth: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the metric called ``metric``; ValueError names the nearest one where there is none."""
    if metric not in FUNCTIONS:
        raise ValueError(f"unknown metric {metric!r}.{nearest(metric, FUNCTIONS)}")
    return FUNCTIONS[metric](truth, predictions, weights)


def _weighted_mean(metric: str, truth: Array, predictions: Array, weights: Array | None) -> float:
    truth, predictions, weights = _checked(truth, predictions, weights)
    return float(np.average(row_losses(metric, truth, predictions), weights=weights))


def _grouped_by_score(truth: Array, predictions: Array, weights: Array) -> tuple[Array, Array]:
    """Return the weight of class 1 and of class 0 at each distinct prediction, the highest first."""
    order = np.argsort(-predictions, kind="stable")
    ranked = predictions[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    positive, everything = weights * (truth == 1), weights
    above, total = np.add.reduceat(positive[order], starts), np.add.reduceat(everything[order], starts)
    return above, total - above


def _checked(truth: Array, predictions: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    truth, predictions = np.asarray(truth, np.float64), np.asarray(predictions, np.float64)
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, np.float64)
    if not truth.size or truth.ndim != 1 or len(predictions) != len(truth) or weights.shape != truth.shape:
        raise ValueError(
            f"need truth (n,), predictions (n,) or (n, k) and weights (n,) with n > 0, "
            f"got {truth.shape}, {predictions.shape} and {weights.shape}"
        )
    for name, values in (("truth", truth), ("predictions", predictions), ("weights", weights)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} has {np.count_nonzero(~np.isfinite(values)):,} values that are not finite")
    return truth, predictions, weights


def _need_both(metric: str, positive: float, negative: float) -> None:
    if not (positive > 0 and negative > 0):
        only = "1" if positive > 0 else "0"
        raise OneClass(f"{metric} needs rows of both classes; all rows have label {only}")
