"""Metrics of a training, against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from airloop.training.scores import roc_auc, scores

RANDOM = np.random.default_rng(0)


def test_binary_scores_equal_scikit_learns():
    label = (RANDOM.random(200) < 0.3).astype(float)
    share = np.round(np.clip(label * 0.2 + RANDOM.random(200) * 0.8, 0.01, 0.99), 2)  # Rounded: with ties.
    assert scores("binary", label, share) == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(label, share > 0.5),
            "brier": metrics.brier_score_loss(label, share),
            "log_loss": metrics.log_loss(label, share),
            "roc_auc": metrics.roc_auc_score(label, share),
        }
    )


def test_multiclass_scores_equal_scikit_learns():
    label = RANDOM.integers(0, 3, 90).astype(float)
    shares = RANDOM.dirichlet([1, 1, 1], 90)
    found = scores("multiclass", label, shares)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(label, shares))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(label, shares.argmax(axis=1)))
    assert found["brier"] == pytest.approx(((shares - np.eye(3)[label.astype(int)]) ** 2).sum(axis=1).mean())


def test_regression_scores_equal_scikit_learns():
    label, value = RANDOM.normal(size=(2, 50))
    assert scores("regression", label, value) == pytest.approx(
        {
            "mae": metrics.mean_absolute_error(label, value),
            "rmse": metrics.root_mean_squared_error(label, value),
            "r2": metrics.r2_score(label, value),
        }
    )


def test_what_one_class_or_one_value_does_not_define_is_left_out():
    assert roc_auc(np.ones(3), np.arange(3.0)) is None
    assert "r2" not in scores("regression", np.ones(3), np.arange(3.0))
    assert "roc_auc" not in scores("binary", np.zeros(3), np.full(3, 0.1))
