import numpy as np
import pytest

from airloop.spec.words import METRICS
from airloop.statistics.blocks import blocks_of
from airloop.statistics.bounds import compare, interval
from airloop.statistics.delong import delong
from airloop.statistics.metrics import OneClass, score
from airloop.statistics.resampling import bootstrap, leave_one_out, weighing

BINARY = [name for name, metric in METRICS.items() if "binary" in metric.tasks]
REGRESSION = [name for name, metric in METRICS.items() if "regression" in metric.tasks]


def rows(seed: int, count: int = 1500, fits: int = 2, spread: float = 0.05):
    """Labels and the probabilities of models that agree but for noise."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(2, 5, count)
    truth = (rng.random(count) < chance).astype(float)
    return truth, [np.clip(chance + rng.normal(0, spread, count), 0.01, 0.99) for _ in range(fits)]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("metric", BINARY + REGRESSION)
def test_weighted_metric_equals_the_plain_one(metric, ties):
    truth, fits = rows(1, 300)
    fits = [np.round(fit, 1) for fit in fits] if ties else fits
    weights = np.random.default_rng(0).poisson(1, (300, 7)).astype(np.float32)
    expected = [[score(metric, truth, fit, column) for fit in fits] for column in weights.T]
    np.testing.assert_allclose(weighing(metric, truth, fits)(weights), expected, atol=2e-6)


def test_weighted_multiclass_metrics_equal_the_plain_ones():
    rng = np.random.default_rng(2)
    truth, fit = rng.integers(0, 4, 200).astype(float), rng.dirichlet(np.ones(4), 200)
    weights = rng.poisson(1, (200, 5)).astype(np.float32)
    for metric in ("accuracy", "brier", "calibration_error", "log_loss"):
        expected = [[score(metric, truth, fit, column)] for column in weights.T]
        np.testing.assert_allclose(weighing(metric, truth, [fit])(weights), expected, atol=2e-6)


def test_leaving_out_a_block_equals_the_metric_without_its_rows():
    truth, fits = rows(3, 300)
    blocks = np.arange(300) % 6
    expected = [[score("roc_auc", truth[blocks != b], fit[blocks != b]) for fit in fits] for b in range(6)]
    np.testing.assert_allclose(leave_one_out("roc_auc", truth, fits, blocks), expected, atol=1e-6)


def test_delong_and_bootstrap_agree_on_a_paired_difference():
    truth, fits = rows(4)
    values, covariance = delong(truth, fits)
    assert values == pytest.approx([score("roc_auc", truth, fit) for fit in fits])
    closed = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    drawn = bootstrap("roc_auc", truth, fits, resamples=1000)
    assert np.std(drawn[:, 0] - drawn[:, 1]) == pytest.approx(closed, rel=0.08)


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_row_noise_equals_the_spread_over_fresh_rows(metric):
    differences, estimates = [], []
    for seed in range(200):
        truth, fits = rows(seed, 600)
        differences.append(score(metric, truth, fits[0]) - score(metric, truth, fits[1]))
        if seed < 20:
            estimates.append(compare(metric, truth, fits[:1], fits[1:]).standard_error)
    assert np.mean(estimates) == pytest.approx(np.std(differences), rel=0.12)


def test_bootstrap_is_the_same_again_and_counts_missing_classes_as_nan():
    truth, fits = rows(5, 200)
    first, second = (bootstrap("log_loss", truth, fits, resamples=50) for _ in range(2))
    assert (first == second).all()
    drawn = bootstrap("roc_auc", np.r_[1.0, np.zeros(20)], [np.linspace(0, 1, 21)], resamples=200)
    assert 0.2 < np.isnan(drawn).mean() < 0.55


def noisy_pair(seed: int, *, gain: float, rows: int = 150, fits: int = 5, training: float = 0.02):
    """Two recipes whose fits have errors of their own: a common part per fit, and a part per row."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1, rows)

    def fit(better: float) -> np.ndarray:
        size = np.abs(rng.normal(0.5, 0.2, rows)) - better + rng.normal(0, training)
        return truth + size

    return truth, [fit(gain) for _ in range(fits)], [fit(0.0) for _ in range(fits)]


def promoted(seed: int, *, gain: float, fits: int) -> bool:
    truth, candidate, champion = noisy_pair(seed, gain=gain)
    return compare("mae", truth, candidate[:fits], champion[:fits]).lower(0.95) > 0


def test_equal_recipes_are_promoted_in_at_most_the_claimed_share():
    assert np.mean([promoted(seed, gain=0.0, fits=1) for seed in range(200)]) > 0.10, "rows alone promise too much"
    assert np.mean([promoted(seed, gain=0.0, fits=5) for seed in range(200)]) <= 0.05


def test_a_better_recipe_is_found():
    assert np.mean([promoted(seed, gain=0.06, fits=5) for seed in range(60)]) > 0.9


def test_gain_is_positive_for_the_better_whatever_the_metric():
    truth, (good,) = rows(6, fits=1)
    bad = np.clip(good[::-1], 0.01, 0.99)
    for metric in BINARY:
        assert compare(metric, truth, [good], [bad]).gain > 0, metric


def test_blocks_widen_the_bound_when_days_differ():
    rng = np.random.default_rng(7)
    times = np.repeat(np.datetime64("2013-01-01") + np.arange(10), 60)
    truth = rng.normal(0, 1, 600)
    of_day = np.repeat(rng.normal(0, 0.3, 10), 60)
    candidate, champion = truth + np.abs(rng.normal(1, 0.1, 600)) + of_day, truth + np.abs(rng.normal(1, 0.1, 600))
    blocks = blocks_of(times)
    by_day, by_row = (compare("mae", truth, [candidate], [champion], given) for given in (blocks, None))
    assert (by_day.unit, by_day.blocks, by_day.degrees) == ("day", 10, 9)
    assert by_day.standard_error > 4 * by_row.standard_error
    assert by_day.standard_error == pytest.approx(0.3 / np.sqrt(10), rel=0.5)


def test_blocks_are_days_else_hours_else_rows():
    start = np.datetime64("2013-01-01T00:30")
    assert blocks_of(start + np.arange(0, 7 * 24) * np.timedelta64(1, "h")).unit == "day"
    assert blocks_of(start + np.arange(0, 30) * np.timedelta64(1, "h")).unit == "hour"
    assert blocks_of(start + np.arange(0, 3) * np.timedelta64(1, "h")) is None
    assert blocks_of(None) is None


def test_champion_without_replicates_is_taken_to_be_as_noisy_as_the_candidate():
    truth, candidate, champion = noisy_pair(8, gain=0.0)
    own = compare("mae", truth, candidate, champion)
    assumed = compare("mae", truth, candidate, champion[:1])
    assert own.fits == (5, 5) and own.training_noise == "of 5 fits of the candidate and 5 of the champion"
    assert assumed.fits == (1, 1) and "assumed the same for the champion" in assumed.training_noise
    spread = np.var([score("mae", truth, fit) for fit in candidate], ddof=1)
    assert assumed.training_variance == pytest.approx(2 * spread)
    assert assumed.gain == assumed.own_gain


def test_no_replicates_ignore_the_noise_of_training_and_say_so():
    truth, candidate, champion = noisy_pair(9, gain=0.0, fits=1)
    comparison = compare("mae", truth, candidate, champion)
    assert comparison.training_variance == 0 and comparison.training_noise == "ignored (model.replicates is 0)"


def test_bounds_tighten_with_less_confidence_and_agree_with_the_chance():
    truth, candidate, champion = noisy_pair(10, gain=0.02)
    comparison = compare("mae", truth, candidate, champion)
    assert comparison.lower(0.95) < comparison.lower(0.8) < comparison.gain < comparison.upper(0.8)
    assert comparison.chance_of(comparison.lower(0.95)) == pytest.approx(0.05)


def test_the_same_predictions_have_no_difference_and_no_noise():
    truth, fits = rows(11, fits=1)
    comparison = compare("log_loss", truth, fits, fits)
    assert (comparison.gain, comparison.lower(0.95), comparison.upper(0.95)) == (0, 0, 0)


def test_one_class_is_passed_on():
    with pytest.raises(OneClass, match="all rows have label 0"):
        compare("roc_auc", np.zeros(50), [np.linspace(0, 1, 50)], [np.linspace(1, 0, 50)])


@pytest.mark.parametrize("metric", BINARY)
def test_interval_holds_the_value(metric):
    truth, fits = rows(12, fits=1)
    low, high = interval(metric, truth, fits[0])
    assert low < score(metric, truth, fits[0]) < high


def test_interval_stays_within_what_the_metric_can_be():
    truth = np.tile([0.0, 1.0], 30)
    low, high = interval("roc_auc", truth, np.where(np.arange(60) < 56, 0.2 + 0.6 * truth, 0.5))
    assert 0.9 < low < high == 1.0
    low, _ = interval("calibration_error", truth, np.full(60, 0.5))
    assert low == 0.0
