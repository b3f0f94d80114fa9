"""Performance expected from calibrated probabilities alone, against what happened."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from airloop.monitoring.estimate import calibrated, estimate, why_not
from airloop.monitoring.freezing import freeze
from airloop.monitoring.performance import score
from airloop.profiles import Profile
from airloop.profiles.reference import Reference
from airloop.statistics import metrics

RIGHT = ((0.0, 0.0), (1.0, 1.0))


def reference(calibration=RIGHT, rows=1000, **baseline):
    prediction = Profile.of({"prediction": np.linspace(0, 1, rows)}, {"prediction": "number"})
    return Reference(Profile(0, {}), prediction, {}, {}, calibration=calibration, baseline=baseline)


def probabilities(rows=4000, seed=0):
    return np.random.default_rng(seed).beta(1.2, 3, rows)


@pytest.mark.parametrize("metric", ["accuracy", "brier", "log_loss", "roc_auc"])
def test_an_estimate_is_the_expectation_over_the_labels(metric):
    chances = np.round(probabilities(300), 2)  # many ties
    random = np.random.default_rng(1)
    values = [metrics.score(metric, (random.random(300) < chances).astype(float), chances) for _ in range(1500)]
    found = estimate(chances, reference())[metric]
    assert found.value == pytest.approx(np.mean(values), abs=4 * np.std(values) / math.sqrt(1500))
    inside = np.mean([(found.low <= value <= found.high) for value in values])
    assert 0.9 < inside < 0.99


def test_probabilities_are_calibrated_first():
    found = calibrated(np.array([0.0, 0.2, 0.4, 0.9]), ((0.1, 0.05), (0.3, 0.25), (0.5, 0.6)))
    assert found.tolist() == pytest.approx([0.05, 0.15, 0.425, 0.6])
    promised = probabilities()
    halved = estimate(promised, reference(((0.0, 0.0), (1.0, 0.5))))
    assert halved["brier"].value == pytest.approx(
        (promised / 2 * (1 - promised) ** 2 + (1 - promised / 2) * promised**2).mean()
    )


def test_a_holdout_of_changing_days_widens_the_interval():
    narrow = estimate(probabilities(), reference())["accuracy"]
    wide = estimate(probabilities(), reference(accuracy=(0.8, 0.02), rows=2000))["accuracy"]
    assert narrow.value == wide.value
    # Once for the holdout, once for a window of twice its rows; Student's t as for five days.
    assert wide.high - wide.value == pytest.approx(2.776 * 0.02 * math.sqrt(1 + 0.5), rel=1e-3)


def test_certain_answers_of_one_class_have_no_area():
    assert set(estimate(np.zeros(200), reference())) == {"accuracy", "brier", "log_loss"}


@pytest.mark.slow
def test_many_rows_take_little_memory_and_give_the_same_value():
    few, many = probabilities(1000), np.tile(probabilities(1000), 40)
    for name, found in estimate(many, reference()).items():
        assert found.value == pytest.approx(estimate(few, reference())[name].value, abs=1e-3)
        assert found.high - found.low < 0.03


@pytest.mark.parametrize(
    ("task", "known", "rows", "words"),
    [
        ("multiclass", reference(), 500, "only for binary tasks, this one is multiclass"),
        ("binary", reference(None), 500, "the reference has no calibration"),
        ("binary", reference(calibration_error=(0.06, 0.01)), 500, "calibration_error 0.060 is above 0.05"),
        ("binary", reference(calibration_error=(0.04, 0.01)), 99, "99 predictions, 100 are needed"),
        ("binary", reference(calibration_error=(0.04, 0.01)), 100, ""),
    ],
)
def test_it_says_why_nothing_is_estimated(task, known, rows, words):
    found = why_not(task, known, rows)
    assert words in found
    assert bool(found) == bool(words)


def scored(desk):
    arrived = desk.predictions()
    labels, _ = desk.labels(arrived)
    return score(
        desk.workspace,
        desk.pipeline,
        window=freeze(desk.workspace, desk.pipeline, predictions=arrived),
        labels=labels,
    )


@pytest.mark.slow
def test_shifted_inputs_move_the_estimate_as_they_move_the_performance(desk):
    """Only parcels of a middle distance, where it is a coin's toss: the model is worse, and the estimate says so."""
    for day in range(14, 21):
        rows = desk.parcels(day)
        desk.ask(rows[rows["distance_km"].between(45, 75)])
    ref = scored(desk)
    before = Reference.load(desk.bundle.folder / "reference").baseline
    for metric in ("roc_auc", "accuracy"):
        assert max(ref.estimated[metric], ref.metrics[metric]) < before[metric][0] - 0.1


def test_a_changed_relation_is_not_seen_by_an_estimate(desk):
    """The stated limit: inputs as before, labels turned round."""
    desk.ask_days(14, 20)
    before = scored(desk)
    for day in range(14, 21):
        desk.land(day, lambda rows: rows.assign(late=rows["distance_km"] < 45))
    after = scored(desk)
    assert after.estimated == before.estimated
    assert after.metrics["roc_auc"] < 0.3 < 0.85 < after.estimated["roc_auc"]
    assert pd.notna(list(after.estimated.values())).all()
