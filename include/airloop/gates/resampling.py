"""A metric under many weightings of the same rows at once: the bootstrap, and leaving out one block after another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from airloop.gates.metrics import MEANS, Array, calibration_bins, row_losses

RESAMPLES = 2_000
_TOGETHER = 64
"""Resamples worked on at once: 6,000 rows of them in float32 are 1.5 MB and stay in the processor's cache."""


def bootstrap(metric: str, truth: Array, fits: Sequence[Array], *, resamples: int = RESAMPLES, seed: int = 0) -> Array:
    """Return the metric of every fit on the same resampled rows, shape (resamples, len(fits)).

    Each row is drawn Poisson(1) times, which for n rows is the multinomial bootstrap up to O(1/n) (Hanley & MacGibbon
    2006) and needs no sort. 2,000 resamples of 6,000 rows cost 0.1 s for means and 0.4 s a fit for ranks. A resample
    in which the metric does not exist (one class) is NaN.
    """
    rng = np.random.default_rng(seed)
    values = np.empty((resamples, len(fits)))
    for start in range(0, resamples, _TOGETHER):
        count = min(_TOGETHER, resamples - start)
        weights = _poisson(rng, len(truth), count)
        values[start : start + count] = weighted(metric, truth, fits, weights)
    return values


def leave_one_out(metric: str, truth: Array, fits: Sequence[Array], blocks: Array) -> Array:
    """Return the metric of every fit without block 0, without block 1, …, shape (blocks, len(fits)).

    ``blocks`` gives every row's block as an integer from 0, shape (n,).
    """
    count = int(blocks.max()) + 1
    parts = []
    for start in range(0, count, _TOGETHER):
        kept = blocks[:, None] != np.arange(start, min(start + _TOGETHER, count))
        parts.append(weighted(metric, truth, fits, kept.astype(np.float32)))
    return np.concatenate(parts)


def weighted(metric: str, truth: Array, fits: Sequence[Array], weights: Array) -> Array:
    """Return the metric of every fit under every column of ``weights`` (n, m) float32; shape (m, len(fits))."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if metric in MEANS:
            return _means(np.stack([row_losses(metric, truth, fit) for fit in fits], axis=1), weights)
        if metric == "rmse":
            return np.asarray(np.sqrt(_means(np.stack([(fit - truth) ** 2 for fit in fits], axis=1), weights)))
        if metric == "r2":
            return _explained(truth, fits, weights)
        one = {"roc_auc": _roc_auc, "pr_auc": _pr_auc, "calibration_error": _calibration_error}[metric]
        return np.stack([one(truth, fit, weights) for fit in fits], axis=1)


def _poisson(rng: np.random.Generator, rows: int, count: int) -> Array:
    # A table look-up of 16 random bits is ten times as fast as Generator.poisson and 1e-5 away from it.
    return _POISSON[rng.integers(0, 1 << 16, (rows, count), dtype=np.uint16)]


def _poisson_table() -> Array:
    cumulative = np.cumsum(np.exp(-1.0) / np.cumprod(np.r_[1.0, np.arange(1.0, 12.0)]))
    return np.searchsorted(cumulative, (np.arange(1 << 16) + 0.5) / (1 << 16)).astype(np.float32)


_POISSON = _poisson_table()


def _means(losses: Array, weights: Array) -> Array:
    # Centred first: float32 then rounds the small differences between rows instead of their sum.
    centre = losses.mean(axis=0)
    deviations = weights.T @ (losses - centre).astype(np.float32)
    return np.asarray(centre + deviations / weights.sum(axis=0, dtype=np.float64)[:, None])


def _explained(truth: Array, fits: Sequence[Array], weights: Array) -> Array:
    centred = truth - truth.mean()
    columns = np.stack([centred, centred**2, *((truth - fit) ** 2 for fit in fits)], axis=1)
    means = weights.T.astype(np.float64) @ columns / weights.sum(axis=0, dtype=np.float64)[:, None]
    spread = means[:, 1] - means[:, 0] ** 2
    return np.asarray(1 - means[:, 2:] / np.where(spread > 0, spread, np.nan)[:, None])


def _ranked(truth: Array, predictions: Array, weights: Array) -> tuple[Array, Array]:
    """Return the weight of class 1 and of all at each distinct prediction, highest first, shapes (groups, m)."""
    order = np.argsort(-predictions, kind="stable")
    ranked, everything = predictions[order], weights[order]
    positive = everything * (truth[order] == 1)[:, None].astype(np.float32)
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    if starts.size < ranked.size:
        positive, everything = np.add.reduceat(positive, starts, axis=0), np.add.reduceat(everything, starts, axis=0)
    return positive, everything


def _roc_auc(truth: Array, predictions: Array, weights: Array) -> Array:
    positive, everything = _ranked(truth, predictions, weights)
    negative = everything - positive
    above = np.cumsum(positive, axis=0, dtype=np.float32) - positive / 2
    total = positive.sum(axis=0, dtype=np.float64)
    area = np.einsum("ij,ij->j", above, negative, dtype=np.float64)
    return np.asarray(area / (total * negative.sum(axis=0, dtype=np.float64)))


def _pr_auc(truth: Array, predictions: Array, weights: Array) -> Array:
    positive, everything = _ranked(truth, predictions, weights)
    found, flagged = np.cumsum(positive, axis=0), np.cumsum(everything, axis=0)
    precision = found / np.maximum(flagged, 1e-9)
    return np.asarray(np.einsum("ij,ij->j", positive, precision, dtype=np.float64) / found[-1])


def _calibration_error(truth: Array, predictions: Array, weights: Array) -> Array:
    # The bins stay those of all rows: only how many rows each holds is resampled.
    bins, surplus = calibration_bins(truth, predictions)
    columns = np.zeros((len(truth), int(bins.max()) + 1), np.float32)
    columns[np.arange(len(truth)), bins] = surplus
    return np.asarray(np.abs(weights.T @ columns).sum(axis=1) / weights.sum(axis=0, dtype=np.float64))
