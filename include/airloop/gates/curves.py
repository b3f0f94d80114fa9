"""Points for a report's charts: curves thinned to what an eye can see, from labels and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from airloop.statistics.metrics import Array

POINTS = 200
"""Most points of a curve."""
DOTS = 2_000
"""Most points of a scatter."""
Rows = list[dict[str, Any]]


def roc(truth: Array, predictions: Array, model: str) -> Rows:
    """Return the share of found positives over false alarms, as points x, y in drawing order n."""
    found, alarms = _cumulated(truth, predictions)
    return _points(alarms / alarms[-1], found / found[-1], model)


def precision_recall(truth: Array, predictions: Array, model: str) -> Rows:
    """Return precision over recall, as points x, y in drawing order n."""
    found, alarms = _cumulated(truth, predictions)
    return _points(found[1:] / found[-1], found[1:] / (found[1:] + alarms[1:]), model)


def calibration(truth: Array, predictions: Array, model: str, bins: int = 10) -> Rows:
    """Return promised and observed share of bins with equally many rows."""
    order = np.argsort(predictions, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    return [
        {"promised": float(predictions[part].mean()), "observed": float(truth[part].mean()), "model": model}
        for part in parts
    ]


def histogram(values: Array, low: float, high: float, bins: int = 25) -> Rows:
    """Return the number of rows in bins of equal width."""
    counts, edges = np.histogram(values, bins, (low, high if high > low else low + 1))
    return [
        {"from": float(edges[number]), "to": float(edges[number + 1]), "rows": int(count)}
        for number, count in enumerate(counts)
    ]


def confusion(truth: Array, predictions: Array, classes: tuple[str, ...]) -> Rows:
    """Return rows and share of every pair of true and predicted class."""
    size = len(classes)
    pairs = np.bincount(truth.astype(int) * size + predictions.argmax(axis=1), minlength=size * size)
    table = pairs.reshape(size, size)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return [
        {"truth": classes[i], "given": classes[j], "rows": int(table[i, j]), "share": float(shares[i, j])}
        for i in range(size)
        for j in range(size)
    ]


def residuals(truth: Array, predictions: Array) -> Rows:
    """Return prediction and error of evenly chosen rows."""
    chosen = np.unique(np.linspace(0, len(truth) - 1, min(DOTS, len(truth))).astype(int))
    return [{"predicted": float(predictions[i]), "error": float(predictions[i] - truth[i])} for i in chosen]


def _cumulated(truth: Array, predictions: Array) -> tuple[Array, Array]:
    """Return how many of class 1 and of class 0 lie at or above each distinct prediction, beginning with none."""
    order = np.argsort(-predictions, kind="stable")
    ranked, positive = predictions[order], truth[order] == 1
    ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    return np.r_[0, np.cumsum(positive)[ends]], np.r_[0, np.cumsum(~positive)[ends]]


def _points(x: Array, y: Array, model: str) -> Rows:
    kept = np.unique(np.linspace(0, len(x) - 1, min(POINTS, len(x))).astype(int))
    return [{"x": round(float(x[i]), 5), "y": round(float(y[i]), 5), "model": model, "n": int(i)} for i in kept]
