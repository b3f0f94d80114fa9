"""Metrics of a training, on the rows that early stopping watched. NumPy only; judging has its own, with bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from airloop.spec.words import Task

Vector = np.ndarray[Any, np.dtype[np.float64]]
_SMALLEST = 1e-15


def scores(task: Task, label: Vector, prediction: Vector) -> dict[str, float]:
    """Return metric → value, in the words of the spec.

    ``label`` (n,) holds class indices or values, ``prediction`` (n,) P(second class) or values, or (n, classes).
    Metrics that the rows do not define, such as ROC AUC with one class, are left out.
    """
    if task == "regression":
        return _regression(label, prediction)
    if task == "binary":
        shares = np.column_stack([1 - prediction, prediction])
        found = _classes(label, shares)
        area = roc_auc(label, prediction)
        return found if area is None else found | {"roc_auc": area}
    return _classes(label, prediction)


def roc_auc(label: Vector, prediction: Vector) -> float | None:
    """Return the area under the ROC curve of labels 0 and 1, ties counted half; None with one class only."""
    positives = float(label.sum())
    negatives = len(label) - positives
    if not positives or not negatives:
        return None
    _, places, counts = np.unique(prediction, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return float((ranks[label == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _classes(label: Vector, shares: Vector) -> dict[str, float]:
    index = label.astype(int)
    rows = np.arange(len(index))
    truth = np.zeros_like(shares)
    truth[rows, index] = 1
    squares = ((shares - truth) ** 2).sum(axis=1)
    return {
        "accuracy": float((shares.argmax(axis=1) == index).mean()),
        # With two classes the sum counts the same distance twice.
        "brier": float(squares.mean() / (2 if shares.shape[1] == 2 else 1)),
        "log_loss": float(-np.log(np.clip(shares[rows, index], _SMALLEST, 1)).mean()),
    }


def _regression(label: Vector, prediction: Vector) -> dict[str, float]:
    error = prediction - label
    spread = float(((label - label.mean()) ** 2).sum())
    found = {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean()))}
    return found | ({"r2": 1 - float((error**2).sum()) / spread} if spread else {})
