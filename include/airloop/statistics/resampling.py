"""A metric under many weightings of the same rows at once: the bootstrap, and leaving out one block after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from airloop.statistics.metrics import BINS, MEANS, Array, calibration_bins, row_losses

RESAMPLES = 2_000
_TOGETHER = 64
"""Resamples worked on at once: 6,000 rows of them in float32 are 1.5 MB and stay in the processor's cache."""


def bootstrap(metric: str, truth: Array, fits: Sequence[Array], *, resamples: int = RESAMPLES, seed: int = 0) -> Array:
    """Return the metric of every fit on the same resampled rows, shape (resamples, len(fits)).

    Each row is drawn Poisson(1) times, which for n rows is the multinomial bootstrap up to O(1/n) (Hanley & MacGibbon
    2006) and needs no sort. 2,000 resamples of 6,000 rows cost 0.1 s for means and 0.3 s a fit for ranks. A resample
    in which the metric does not exist (one class) is NaN.
    """
    rng = np.random.default_rng(seed)
    measure = weighing(metric, truth, fits)
    sizes = [min(_TOGETHER, resamples - start) for start in range(0, resamples, _TOGETHER)]
    return np.concatenate([measure(_poisson(rng, len(truth), size)) for size in sizes])


def leave_one_out(metric: str, truth: Array, fits: Sequence[Array], blocks: Array) -> Array:
    """Return the metric of every fit without block 0, without block 1, …, shape (blocks, len(fits)).

    ``blocks`` gives every row's block as an integer from 0, shape (n,).
    """
    measure = weighing(metric, truth, fits)
    left_out = np.array_split(np.arange(int(blocks.max()) + 1), int(blocks.max()) // _TOGETHER + 1)
    return np.concatenate([measure((blocks[:, None] != some).astype(np.float32)) for some in left_out])


def weighing(metric: str, truth: Array, fits: Sequence[Array]) -> Callable[[Array], Array]:
    """Return a function from weights (n, m) float32 to the metric of every fit under every column, (m, len(fits))."""
    if metric in MEANS:
        return _mean_of(np.stack([row_losses(metric, truth, fit) for fit in fits], axis=1))
    if metric == "rmse":
        squares = _mean_of(np.stack([(fit - truth) ** 2 for fit in fits], axis=1))
        return lambda weights: np.asarray(np.sqrt(squares(weights)))
    if metric == "r2":
        return _explained(truth, fits)
    if metric == "calibration_error":
        return _calibration_error(truth, fits)
    area = {"roc_auc": _roc_auc, "pr_auc": _pr_auc}[metric]
    rankings = [_Ranking(truth, fit) for fit in fits]

    def areas(weights: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.stack([area(*ranking.of(weights)) for ranking in rankings], axis=1)

    return areas


def _poisson(rng: np.random.Generator, rows: int, count: int) -> Array:
    # A table look-up of 16 random bits is ten times as fast as Generator.poisson and 1e-5 away from it.
    return _POISSON[rng.integers(0, 1 << 16, (rows, count), dtype=np.uint16)]


def _poisson_table() -> Array:
    cumulative = np.cumsum(np.exp(-1.0) / np.cumprod(np.r_[1.0, np.arange(1.0, 12.0)]))
    return np.searchsorted(cumulative, (np.arange(1 << 16) + 0.5) / (1 << 16)).astype(np.float32)


_POISSON = _poisson_table()


def _mean_of(losses: Array) -> Callable[[Array], Array]:
    # Centred first: float32 then rounds the small differences between rows instead of their sum.
    centre = losses.mean(axis=0)
    deviations = (losses - centre).astype(np.float32)

    def means(weights: Array) -> Array:
        return np.asarray(centre + weights.T @ deviations / weights.sum(axis=0, dtype=np.float64)[:, None])

    return means


def _explained(truth: Array, fits: Sequence[Array]) -> Callable[[Array], Array]:
    centred = truth - truth.mean()
    columns = np.stack([centred, centred**2, *((truth - fit) ** 2 for fit in fits)], axis=1)

    def shares(weights: Array) -> Array:
        means = weights.T.astype(np.float64) @ columns / weights.sum(axis=0, dtype=np.float64)[:, None]
        spread = means[:, 1] - means[:, 0] ** 2
        return np.asarray(1 - means[:, 2:] / np.where(spread > 0, spread, np.nan)[:, None])

    return shares


def _calibration_error(truth: Array, fits: Sequence[Array]) -> Callable[[Array], Array]:
    # The bins stay those of all rows: only how many rows each holds is resampled.
    columns = np.zeros((len(truth), len(fits), BINS), np.float32)
    for number, fit in enumerate(fits):
        bins, surplus = calibration_bins(truth, fit)
        columns[np.arange(len(truth)), number, bins] = surplus
    flat = columns.reshape(len(truth), -1)

    def errors(weights: Array) -> Array:
        sums = (weights.T @ flat).reshape(-1, len(fits), BINS)
        return np.asarray(np.abs(sums).sum(axis=2) / weights.sum(axis=0, dtype=np.float64)[:, None])

    return errors


class _Ranking:
    """The rows of one fit in the order of their predictions, the highest first; equal ones belong together."""

    def __init__(self, truth: Array, predictions: Array) -> None:
        self._order = np.argsort(-predictions, kind="stable")
        ranked = predictions[self._order]
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._positive = (truth[self._order] == 1)[:, None].astype(np.float32)

    def of(self, weights: Array) -> tuple[Array, Array]:
        """Return the weight of class 1 and of all rows at each distinct prediction, shapes (groups, m)."""
        everything = weights[self._order]
        positive = everything * self._positive
        if self._starts.size == self._order.size:
            return positive, everything
        return np.add.reduceat(positive, self._starts, axis=0), np.add.reduceat(everything, self._starts, axis=0)


def _roc_auc(positive: Array, everything: Array) -> Array:
    negative = everything - positive
    above = np.cumsum(positive, axis=0, dtype=np.float32) - positive / 2
    total = positive.sum(axis=0, dtype=np.float64)
    area = np.einsum("ij,ij->j", above, negative, dtype=np.float64)
    return np.asarray(area / (total * negative.sum(axis=0, dtype=np.float64)))


def _pr_auc(positive: Array, everything: Array) -> Array:
    found, flagged = np.cumsum(positive, axis=0), np.cumsum(everything, axis=0)
    precision = found / np.maximum(flagged, 1e-9)
    return np.asarray(np.einsum("ij,ij->j", positive, precision, dtype=np.float64) / found[-1])
