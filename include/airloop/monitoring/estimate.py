"""Performance before labels: what calibrated probabilities promise about themselves (confidence-based estimation).

If a row's probability ``c`` is right, its label is a coin with that chance. Then every metric has an expectation from
the predictions alone (the idea of NannyML's CBPE, and of Guillory et al. 2021 for accuracy). With ``p`` the model's
answer and ``c`` the same through the isotonic calibration of the holdout, over n rows:

- accuracy: mean of ``c`` where ``p > 0.5``, else of ``1 - c``;
- log_loss: mean of ``-c ln p - (1 - c) ln(1 - p)``; brier: mean of ``c (1 - p)² + (1 - c) p²``;
- roc_auc: expected number of rightly ordered pairs over that of pairs,
  ``Σ c_i (1 - c_j) [p_i > p_j] / Σ c_i (1 - c_j)`` over ``i ≠ j``, ties half. A ratio of expectations, off by O(1/n).

The interval is where the realised metric should lie in 95 % of windows. Two things move it: the labels, and that days
differ. The first is drawn (200 times). The second is what the holdout showed: its standard error over days, once for
the calibration that was learned from it and once more, scaled to the window's rows, for the window itself (where the
drawn labels do not vary more), with Student's t as for five days. On flights it is the larger part by far. There, in
the 14 weeks after one training, 12 realised values of roc_auc and 11 of log_loss lay within; the others were weeks in
which delays themselves changed:
what no estimate can see. When the relation between inputs and label changes (concept drift), the predictions promise
what no longer happens, and the estimate stays as it was. It tells about shifted inputs alone, and is never a reason to
act. Nothing is estimated where the probabilities' calibration error on the holdout is above 0.05: so large a correction
is not to be trusted on other rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from airloop.monitoring.scores import Estimated
from airloop.statistics.blocks import FEWEST as BLOCKS
from airloop.statistics.bounds import interval_around
from airloop.statistics.metrics import Array, row_losses

if TYPE_CHECKING:
    from airloop.profiles.reference import Reference

MOST_ERROR = 0.05
"""Calibration error on the holdout above which nothing is estimated."""
FEWEST = 100
"""Rows below which nothing is estimated."""
DRAWS = 200
_MOST_CELLS = 4_000_000
"""Drawn labels in memory at once."""
_MEANS = ("accuracy", "brier", "log_loss")


def why_not(task: str, reference: Reference, rows: int) -> str:
    """Return why nothing can be estimated; empty where it can."""
    if task != "binary":
        return f"only for binary tasks, this one is {task}"
    if reference.calibration is None:
        return "the reference has no calibration: too few labelled holdout rows, or of one class only"
    error = reference.baseline.get("calibration_error", (0.0, None))[0]
    if error > MOST_ERROR:
        return f"the probabilities promise too much or too little: calibration_error {error:.3f} is above {MOST_ERROR}"
    if rows < FEWEST:
        return f"{rows:,} predictions, {FEWEST} are needed"
    return ""


def estimate(predictions: Array, reference: Reference, seed: int = 0) -> dict[str, Estimated]:
    """Return every metric's estimate from probabilities of the second class, shape (n,), n > 0.

    Where only one class can happen there is no roc_auc. Raises ValueError where the reference has no calibration.
    """
    if reference.calibration is None:
        raise ValueError("the reference has no calibration")
    chances = calibrated(predictions, reference.calibration)
    metrics = {name: _mean(name, predictions) for name in _MEANS}
    if chances.any() and (chances < 1).any():
        metrics["roc_auc"] = _area(predictions)
    found = {}
    for name, metric in metrics.items():
        value = float(metric(chances[:, None])[0])
        drawn = float(np.nanvar(np.concatenate([metric(labels) for labels in _drawn(chances, seed)]), ddof=1))
        before = (reference.baseline.get(name, (0.0, None))[1] or 0.0) ** 2
        error = np.sqrt(before + max(drawn, before * reference.prediction.rows / len(chances)))
        degrees = BLOCKS - 1 if before else np.inf
        found[name] = Estimated(len(chances), value, *interval_around(name, value, float(error), degrees))
    return found


def calibrated(predictions: Array, knots: tuple[tuple[float, float], ...]) -> Array:
    """Return probabilities (n,) as they came true on the holdout, linear between the knots."""
    promised, observed = np.array(knots, np.float64).T
    return np.asarray(np.interp(predictions, promised, observed).clip(0.0, 1.0))


def _drawn(chances: Array, seed: int) -> Iterator[Array]:
    """Yield labels (n, some) until DRAWS of each row are drawn, a few at a time where rows are many."""
    rng = np.random.default_rng(seed)
    together = max(1, min(DRAWS, _MOST_CELLS // len(chances)))
    for start in range(0, DRAWS, together):
        shape = (len(chances), min(together, DRAWS - start))
        yield (rng.random(shape, dtype=np.float32) < chances[:, None]).astype(np.float32)


def _mean(metric: str, predictions: Array) -> Callable[[Array], Array]:
    """Return a function from labels or chances (n, m) to the mean of the rows' losses (m,)."""
    if_positive, if_negative = (row_losses(metric, np.full(len(predictions), one), predictions) for one in (1.0, 0.0))
    return lambda labels: np.asarray(if_negative.mean() + (if_positive - if_negative) @ labels / len(predictions))


def _area(predictions: Array) -> Callable[[Array], Array]:
    """Return a function from labels or chances (n, m) to the share of rightly ordered pairs (m,); NaN without pairs."""
    order = np.argsort(-predictions, kind="stable")
    ranked = predictions[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])

    def area(labels: Array) -> Array:
        ordered = labels[order].astype(np.float64)
        positive, negative = (np.add.reduceat(part, starts, axis=0) for part in (ordered, 1 - ordered))
        # A row makes no pair with itself; labels of 0 and 1 have none of these to take away.
        itself = (ordered * (1 - ordered)).sum(axis=0)
        right = ((positive.cumsum(axis=0) - positive / 2) * negative).sum(axis=0) - itself / 2
        pairs = positive.sum(axis=0) * negative.sum(axis=0) - itself
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(right / pairs)

    return area
