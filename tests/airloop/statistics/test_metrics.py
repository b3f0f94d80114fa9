import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from airloop.spec.words import METRICS
from airloop.statistics import metrics

BINARY = {
    "roc_auc": lambda y, p, w: reference.roc_auc_score(y, p, sample_weight=w),
    "pr_auc": lambda y, p, w: reference.average_precision_score(y, p, sample_weight=w),
    "log_loss": lambda y, p, w: reference.log_loss(y, p, sample_weight=w, labels=[0, 1]),
    "brier": lambda y, p, w: reference.brier_score_loss(y, p, sample_weight=w),
    "accuracy": lambda y, p, w: reference.accuracy_score(y, p > 0.5, sample_weight=w),
}
MULTICLASS = {
    "log_loss": lambda y, p, w: reference.log_loss(y, p, sample_weight=w, labels=[0, 1, 2]),
    "brier": lambda y, p, w: reference.brier_score_loss(y, p, sample_weight=w, labels=[0, 1, 2], scale_by_half=False),
    "accuracy": lambda y, p, w: reference.accuracy_score(y, p.argmax(axis=1), sample_weight=w),
}
REGRESSION = {
    "mae": lambda y, p, w: reference.mean_absolute_error(y, p, sample_weight=w),
    "rmse": lambda y, p, w: reference.root_mean_squared_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: reference.r2_score(y, p, sample_weight=w),
}


def binary_rows(seed: int, ties: bool, rows: int = 400):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, rows)
    predictions = np.clip(0.3 * truth + rng.uniform(0.1, 0.6, rows), 0, 1)
    return truth, np.round(predictions, 1) if ties else predictions


def weights_or_none(seed: int, rows: int, weighted: bool):
    # Poisson(1), as in the bootstrap: some rows weigh nothing.
    return np.random.default_rng(seed).poisson(1, rows).astype(float) if weighted else None


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("metric", BINARY)
def test_binary_metrics_equal_scikit_learn(metric, ties, weighted):
    for seed in range(5):
        truth, predictions = binary_rows(seed, ties)
        weights = weights_or_none(seed, truth.size, weighted)
        expected = BINARY[metric](truth, predictions, weights)
        assert metrics.score(metric, truth, predictions, weights) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("metric", MULTICLASS)
def test_multiclass_metrics_equal_scikit_learn(metric, weighted):
    rng = np.random.default_rng(3)
    truth, predictions = rng.integers(0, 3, 300), rng.dirichlet(np.ones(3), 300)
    weights = weights_or_none(3, 300, weighted)
    expected = MULTICLASS[metric](truth, predictions, weights)
    assert metrics.score(metric, truth, predictions, weights) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("metric", REGRESSION)
def test_regression_metrics_equal_scikit_learn(metric, weighted):
    rng = np.random.default_rng(4)
    truth = rng.normal(50, 9, 300)
    predictions = truth + rng.normal(2, 5, 300)
    weights = weights_or_none(4, 300, weighted)
    expected = REGRESSION[metric](truth, predictions, weights)
    assert metrics.score(metric, truth, predictions, weights) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=2, max_size=40))
def test_roc_auc_counts_pairs_with_ties_as_half(rows):
    truth, scores = np.array(rows).T
    if truth.min() == truth.max():
        with pytest.raises(metrics.OneClass, match=f"all rows have label {truth[0]}"):
            metrics.roc_auc(truth, scores)
    else:
        difference = scores[truth == 1][:, None] - scores[truth == 0][None, :]
        assert metrics.roc_auc(truth, scores) == pytest.approx(((difference > 0) + 0.5 * (difference == 0)).mean())


def test_every_metric_of_a_spec_is_computed():
    assert set(metrics.FUNCTIONS) == set(METRICS)


@pytest.mark.parametrize("metric", ["roc_auc", "pr_auc"])
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_an_error_of_its_own(metric, label):
    with pytest.raises(metrics.OneClass, match=f"{metric} needs rows of both classes; all rows have label {label}"):
        metrics.score(metric, np.full(9, label), np.linspace(0, 1, 9))


def test_r2_of_constant_labels_is_an_error_of_its_own():
    with pytest.raises(metrics.OneClass, match="r2 needs labels that differ; all 3 rows have 7"):
        metrics.r2(np.full(3, 7.0), np.arange(3))


def test_log_loss_of_one_class_exists_and_certain_mistakes_stay_finite():
    assert metrics.log_loss(np.ones(2), np.array([0.5, 0.5])) == pytest.approx(np.log(2))
    assert metrics.log_loss(np.ones(1), np.zeros(1)) == pytest.approx(-np.log(np.finfo(float).eps))


def test_calibration_error_of_known_bins():
    predictions = np.repeat(np.linspace(0.05, 0.95, 10), 20)
    truth = np.concatenate([np.arange(20) < round(20 * p) for p in np.linspace(0.05, 0.95, 10)]).astype(int)
    assert metrics.calibration_error(truth, predictions) == pytest.approx(0, abs=1e-12)
    assert metrics.calibration_error(truth, np.clip(predictions - 0.05, 0, 1)) == pytest.approx(0.05)


def test_calibration_error_does_not_depend_on_the_order_of_rows():
    truth, predictions = binary_rows(1, ties=True)
    order = np.random.default_rng(0).permutation(truth.size)
    shuffled = metrics.calibration_error(truth[order], predictions[order])
    assert metrics.calibration_error(truth, predictions) == pytest.approx(shuffled, rel=1e-12)


def test_calibration_error_of_classes_is_that_of_the_most_probable_one():
    predictions = np.tile([0.8, 0.1, 0.1], (100, 1))
    assert metrics.calibration_error(np.repeat([0, 1], [60, 40]), predictions) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("truth", "predictions", "message"),
    [
        ([], [], r"with n > 0, got \(0,\)"),
        ([0, 1], [0.5], r"got \(2,\), \(1,\) and \(2,\)"),
        ([0, 1], [0.5, np.nan], "predictions has 1 values that are not finite"),
        ([0, np.inf], [0.5, 0.5], "truth has 1 values that are not finite"),
    ],
)
def test_rows_that_do_not_fit_are_refused(truth, predictions, message):
    with pytest.raises(ValueError, match=message):
        metrics.log_loss(np.array(truth), np.array(predictions))


def test_unknown_metric_names_the_nearest():
    with pytest.raises(ValueError, match=r"unknown metric 'auc_roc'\. Did you mean 'roc_auc'"):
        metrics.score("auc_roc", np.ones(1), np.ones(1))
