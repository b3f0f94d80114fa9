"""How sure a difference between candidate and champion is: noise of rows and noise of training together.

A bound over test rows alone answers "is this fit better than that one on these rows?", and says yes for a third of all
pairs that differ by their seed only. The question before a release is whether the candidate's recipe and data are
better, on days to come. Two things move the answer, and both are estimated:

Training. A recipe is fitted again with other seeds and without a random tenth of the rows (``model.replicates``, 4 by
default). The gain compared is the mean over all fits of the candidate minus the mean over all fits of the champion, so
the noise of one fit shrinks by their number; its size is the spread of the fits on these very rows. Leaving out a tenth
also stands for the turn-over of the training window between two weekly runs (windows of 60 days share 53). Assumptions:
a replicate repeats all of training, early stopping included (where it copied the released fit's rounds, twice as many
equal models were promoted); the champion's fits are in the store (where they are not, its noise is taken to equal the
candidate's, and the shipped fits alone are compared). Cost: the replicate fits, 4 times the training.

Rows. Rows of one day share weather, promotions and outages. On flights (12 windows over 2013, judged on 7 days, checked
on the next 7), a nominal 95 % interval over rows missed the next week's gain in 51-73 % of the cases, one over days
in 7-16 %; the variance over days was 5-35 times the one over rows. So days are the blocks, left out one at a time
(jackknife; Cameron & Miller 2015), with Student's t for few days; never less than the variance over rows, which
DeLong's closed form (roc_auc) or the bootstrap (all else) gives.

Both are added (the rows' part counts what is left of the fits' noise twice: the bound errs on the safe side), with
degrees of freedom after Welch-Satterthwaite. ``benchmarks/judgement.py`` measures what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from airloop.spec.words import METRICS
from airloop.statistics.blocks import Blocks
from airloop.statistics.delong import delong
from airloop.statistics.metrics import Array, score
from airloop.statistics.resampling import bootstrap, leave_one_out

_RESAMPLES = {"pr_auc": 200}
"""Where resampling is dear; else 1,000. A standard deviation from 200 is 5 % uncertain."""
_FROM_0_TO_1 = ("accuracy", "calibration_error", "pr_auc", "roc_auc")


@dataclass(frozen=True)
class Comparison:
    """The candidate against the champion in one metric; a gain above 0 is for the better, whatever the metric."""

    metric: str
    candidate: float
    """Metric of the fit that would be released."""
    champion: float
    """Metric of the fit that is live."""
    gain: float
    """Mean over the fits of both sides, or that of the two fits above where ``fits`` says (1, 1)."""
    own_gain: float
    """Of the two fits above."""
    row_variance: float
    """Of ``gain`` over other rows: shrinks with their number."""
    training_variance: float
    """Of ``gain`` over other trainings: does not."""
    degrees: float
    """Of freedom of the sum of both."""
    fits: tuple[int, int]
    rows: int
    blocks: int
    unit: str
    """What was left out one at a time: day, hour or row."""
    training_noise: str
    """Where the noise of training comes from, in words."""

    @property
    def standard_error(self) -> float:
        """Of ``gain``, in the metric's unit."""
        return float(np.sqrt(self.row_variance + self.training_variance))

    def lower(self, confidence: float) -> float:
        """Return the one-sided lower bound of the gain."""
        return self.gain - self.quantile(confidence) * self.standard_error

    def upper(self, confidence: float) -> float:
        """Return the one-sided upper bound of the gain."""
        return self.gain + self.quantile(confidence) * self.standard_error

    def quantile(self, confidence: float) -> float:
        """Return Student's t for a one-sided ``confidence``."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees, confidence))

    def chance_of(self, gain: float) -> float:
        """Return the probability of a gain as large as this one if the true one were ``gain`` (one-sided p-value)."""
        from scipy.special import stdtr

        if self.standard_error == 0:
            return float(self.gain <= gain)
        return float(stdtr(self.degrees, (gain - self.gain) / self.standard_error))


def compare(
    metric: str, truth: Array, candidate: Sequence[Array], champion: Sequence[Array], blocks: Blocks | None = None
) -> Comparison:
    """Return the paired comparison on the same n rows.

    ``candidate`` and ``champion`` are the predictions of the released fit, then those of its replicates. Without
    ``blocks`` rows are taken as independent. Raises OneClass as the metric does.
    """
    sign = 1.0 if METRICS[metric].more_is_better else -1.0
    of_candidate = np.array([score(metric, truth, fit) for fit in candidate])
    of_champion = np.array([score(metric, truth, fit) for fit in champion])
    averaged = min(len(candidate), len(champion)) > 1
    used = (list(candidate), list(champion)) if averaged else ([candidate[0]], [champion[0]])
    contrast = sign * np.r_[np.full(len(used[0]), 1 / len(used[0])), np.full(len(used[1]), -1 / len(used[1]))]
    rows, degrees = _row_variance(metric, truth, used[0] + used[1], contrast, blocks)
    training, words = _training_variances(of_candidate, of_champion)
    total, spent = rows + sum(part for part, _ in training), rows**2 / degrees
    spent += sum(part**2 / freedom for part, freedom in training)
    own = sign * float(of_candidate[0] - of_champion[0])
    return Comparison(
        metric=metric,
        candidate=float(of_candidate[0]),
        champion=float(of_champion[0]),
        gain=sign * float(of_candidate.mean() - of_champion.mean()) if averaged else own,
        own_gain=own,
        row_variance=rows,
        training_variance=total - rows,
        degrees=total**2 / spent if spent else float(degrees),
        fits=(len(used[0]), len(used[1])),
        rows=len(truth),
        blocks=blocks.count if blocks else len(truth),
        unit=blocks.unit if blocks else "row",
        training_noise=words,
    )


def interval(
    metric: str, truth: Array, predictions: Array, blocks: Blocks | None = None, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the two-sided interval of one fit's metric over other rows, within what the metric can be.

    None where a block holds all rows of one class.
    """
    value = score(metric, truth, predictions)
    spread = standard_error(metric, truth, predictions, blocks)
    return None if spread is None else interval_around(metric, value, *spread, confidence)


def standard_error(
    metric: str, truth: Array, predictions: Array, blocks: Blocks | None = None
) -> tuple[float, int] | None:
    """Return the standard error of one fit's metric over other rows, in its unit, and its degrees of freedom.

    None where a block holds all rows of one class. Raises OneClass as the metric does.
    """
    variance, degrees = _row_variance(metric, truth, [predictions], np.ones(1), blocks)
    return (float(np.sqrt(variance)), degrees) if np.isfinite(variance) else None


def interval_around(
    metric: str, value: float, error: float, degrees: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the two-sided interval around ``value`` with standard error ``error``, within what the metric can be."""
    from scipy.special import stdtrit

    reach = float(stdtrit(degrees, (1 + confidence) / 2)) * error
    lowest = -np.inf if metric == "r2" else 0.0
    highest = 1.0 if metric in (*_FROM_0_TO_1, "r2") else np.inf
    return float(max(value - reach, lowest)), float(min(value + reach, highest))


def _training_variances(candidate: Array, champion: Array) -> tuple[list[tuple[float, int]], str]:
    """Return variance and degrees of freedom of each independent part of the noise of training, and its source."""
    if candidate.size < 2:
        return [], "ignored (model.replicates is 0)"
    of_candidate = float(candidate.var(ddof=1))
    if champion.size < 2:
        return [(2 * of_candidate, candidate.size - 1)], "of the candidate, and assumed the same for the champion"
    of_champion = float(champion.var(ddof=1))
    parts = [(of_candidate / candidate.size, candidate.size - 1), (of_champion / champion.size, champion.size - 1)]
    return parts, f"of {candidate.size} fits of the candidate and {champion.size} of the champion"


def _row_variance(
    metric: str, truth: Array, fits: list[Array], contrast: Array, blocks: Blocks | None
) -> tuple[float, int]:
    """Return the variance of the contrast over rows and its degrees of freedom."""
    if metric == "roc_auc":
        variance = float(contrast @ delong(truth, fits)[1] @ contrast)
    else:
        drawn = bootstrap(metric, truth, fits, resamples=_RESAMPLES.get(metric, 1000)) @ contrast
        variance = float(np.nanvar(drawn, ddof=1))
    if blocks is None:
        return variance, len(truth) - 1
    left_out = leave_one_out(metric, truth, fits, blocks.of_row) @ contrast
    of_blocks = (blocks.count - 1) / blocks.count * float(((left_out - left_out.mean()) ** 2).sum())
    return max(variance, of_blocks) if np.isfinite(of_blocks) else of_blocks, blocks.count - 1
