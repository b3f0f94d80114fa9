from __future__ import annotations

import numpy as np
import pytest

from airloop.backtest.contrast import gain, mean_gain
from airloop.backtest.scoring import Score

DAYS = (-0.03, 0.0, 0.01, 0.01, 0.01)
"""How a metric changes when each of five days is left out."""


def pairs_of(gains, *, days=()):
    theirs = Score(0.5, without=(0.5,) * len(days))
    return [(Score(0.5 - one, without=tuple(0.5 - one + day for day in days)), theirs) for one in gains]


def test_a_lower_loss_is_a_gain_and_a_higher_auc_is_one_too():
    assert gain("log_loss", Score(0.4), Score(0.5)) == pytest.approx(0.1)
    assert gain("roc_auc", Score(0.6), Score(0.5)) == pytest.approx(0.1)


def test_fewer_than_five_intervals_say_nothing_about_other_periods():
    found = mean_gain("log_loss", pairs_of([0.1, 0.2, 0.1, 0.2], days=DAYS))
    assert found.mean == pytest.approx(0.15)
    assert found.bound("periods") is None
    assert found.bound("days") is not None


def test_intervals_with_too_few_days_have_no_bound_at_all():
    found = mean_gain("log_loss", pairs_of([0.1, 0.2] * 5))
    assert found.bound("days") is None
    assert found.bound("periods") is None


def test_the_bound_on_other_days_is_the_paired_jackknife():
    """By hand: the deviations' squares sum to 0.0012, times 4/5, for each of 8 intervals over 64; t for 32 at 95 %."""
    lower, upper = mean_gain("log_loss", pairs_of([0.1] * 8, days=DAYS)).bound("days")
    reach = 1.6939 * np.sqrt(0.0012 * 4 / 5 * 8 / 64)
    assert (lower, upper) == pytest.approx((0.1 - reach, 0.1 + reach), rel=1e-4)


def test_the_bound_on_other_periods_is_never_narrower_than_that_on_other_days():
    found = mean_gain("log_loss", pairs_of([0.1] * 8, days=DAYS))
    (days, _), (periods, _) = found.bound("days"), found.bound("periods")
    assert periods < days < 0.1


def test_independent_gains_have_nearly_the_plain_standard_error():
    gains = np.random.default_rng(0).normal(0.1, 1.0, 5000)
    assert mean_gain("log_loss", pairs_of(gains)).of_intervals == pytest.approx(1 / 5000, rel=0.3)


def test_gains_that_carry_over_are_less_sure_than_independent_ones():
    rng = np.random.default_rng(1)
    carried = [0.0]
    for shock in rng.normal(0, 1, 1999):
        carried.append(0.7 * carried[-1] + shock)
    shuffled = rng.permutation(carried)
    sure, unsure = (mean_gain("log_loss", pairs_of(one)).of_intervals for one in (shuffled, carried))
    # For this series the ratio of the standard errors is sqrt((1 + 0.7) / (1 - 0.7)) = 2.4.
    assert 1.9 < np.sqrt(unsure / sure) < 2.9


def test_intervals_with_the_same_model_count_as_no_gain():
    same = Score(0.5, without=(0.5,) * 5)
    found = mean_gain("log_loss", [(same, same)] * 3 + pairs_of([0.3, 0.3, 0.3], days=DAYS))
    assert (found.intervals, found.differing) == (6, 3)
    assert found.mean == pytest.approx(0.15)


def test_bounds_on_other_periods_hold_as_often_as_they_promise():
    """For a true mean of 0 and mild autocorrelation, like weeks under one champion; 24 intervals."""
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(500):
        shocks = rng.normal(0, 1, 25)
        lower, upper = mean_gain("log_loss", pairs_of(shocks[1:] + 0.3 * shocks[:-1], days=(0.0,) * 5)).bound("periods")
        wrong += (lower > 0) + (upper < 0)
    assert 0.03 < wrong / 1000 < 0.075
