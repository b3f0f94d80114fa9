"""DeLong's closed form: the covariance of AUCs measured on the same rows, without resampling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from airloop.statistics.metrics import Array, OneClass


def delong(truth: Array, fits: Sequence[Array]) -> tuple[Array, Array]:
    """Return the AUC of every fit, shape (f,), and their covariance over rows, shape (f, f).

    DeLong et al. 1988 in O(f n log n) by mid-ranks (Sun & Xu 2014); ties count half. ``truth`` is 0 or 1, shape (n,),
    each fit (n,). Rows are taken as independent. Raises OneClass unless each label occurs twice.
    """
    positive = np.asarray(truth) == 1
    count, others = int(positive.sum()), int((~positive).sum())
    if min(count, others) < 2:
        raise OneClass(f"roc_auc needs 2 rows of each class, got {others:,} and {count:,}")
    of_positive, of_negative = [], []
    for fit in fits:
        ranks = _mid_ranks(fit)
        of_positive.append((ranks[positive] - _mid_ranks(fit[positive])) / others)
        of_negative.append(1 - (ranks[~positive] - _mid_ranks(fit[~positive])) / count)
    covariance = np.atleast_2d(np.cov(of_positive)) / count + np.atleast_2d(np.cov(of_negative)) / others
    return np.mean(of_positive, axis=1), covariance


def _mid_ranks(values: Array) -> Array:
    """Return ranks from 1; equal values share the mean of theirs."""
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") + 1) / 2
