"""The reference that a training leaves: of which rows, with which distances, and at what cost the next time."""

from __future__ import annotations

import logging
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from airloop import data, digest
from airloop.data.windows import Interval
from airloop.profiles import Profile
from airloop.profiles.distances import ASPECTS, METHODS, distance
from airloop.profiles.reference import Reference
from airloop.scoring import Scorer
from airloop.statistics.metrics import score
from airloop.training.baseline import Holdout, baseline, calibration
from airloop.training.identity import model_digest
from airloop.training.pieces import pieces_of
from airloop.training.stretches import MOST, stretches_of

pytestmark = pytest.mark.slow


QUICK = {"replicates": 0, "rounds": 8}
DAYS = {"monitor": {"window": "1d"}, "model": QUICK}


def reference_of(folder) -> Reference:
    return Reference.load(folder / "reference")


def rows_of(world, pipeline, **more) -> pd.DataFrame:
    """Return all rows that the snapshot sees, features included."""
    snapshot = world.at(pipeline, **more)["snapshot"]
    frames = [data.read_partition(world.workspace, part, snapshot.columns) for part in snapshot.partitions]
    return pd.concat(frames, ignore_index=True).assign(hour=lambda frame: frame["when"].dt.hour)


def test_columns_are_of_training_and_holdout_rows_as_the_model_sees_them(daily):
    world, pipeline, folder = daily
    reference, rows = reference_of(folder), rows_of(world, pipeline)
    assert len(rows) == 12 * 60
    assert reference.kinds == {"hour": "number", "carrier": "category", "wind": "number", "when": "time"}
    assert reference.columns == Profile.of(rows, reference.kinds)
    assert sum(reference.importance.values()) == pytest.approx(1)
    assert reference.importance["when"] == 0
    snapshot = world.at(pipeline)["snapshot"]
    assert (reference.train_start, reference.cut_off) == (snapshot.train_start, snapshot.as_of)


def test_prediction_and_baseline_are_of_the_released_fit_on_the_holdout(daily):
    world, pipeline, folder = daily
    reference, rows = reference_of(folder), rows_of(world, pipeline)
    late = rows[(rows["when"] >= world.at(pipeline)["snapshot"].holdout_start) & rows["late"].notna()]
    predictions = Scorer.open(folder).predict(late)
    assert reference.prediction == Profile.of({"prediction": predictions}, {"prediction": "number"})
    assert set(reference.baseline) == {"accuracy", "brier", "calibration_error", "log_loss", "pr_auc", "roc_auc"}
    for metric, (value, error) in reference.baseline.items():
        assert value == score(metric, late["late"].to_numpy(np.float64), predictions)
        assert 0 < error < 0.2


def test_distances_of_earlier_windows_are_from_all_other_rows(landed):
    pipeline = landed.pipeline(monitor={"window": "5d"}, model=QUICK)
    reference = reference_of(landed.fit(pipeline))
    rows = rows_of(landed, pipeline)
    end = rows["when"].max().ceil("D")
    assert (reference.window, reference.usual_rows) == (timedelta(days=5), 300)
    for number, start in enumerate((end - timedelta(days=10), end - timedelta(days=5))):
        within = (rows["when"] >= start) & (rows["when"] < start + timedelta(days=5))
        assert within.sum() == 300
        one, other = (Profile.of(part, reference.kinds).columns for part in (rows[~within], rows[within]))
        for method in METHODS:
            for name in ("hour", "carrier", "wind"):
                assert reference.natural[method][name][number] == distance(method, one[name], other[name])
    assert {len(found) for found in reference.natural["psi"].values()} == {2}


def test_every_window_has_its_distance_in_columns_and_predictions(daily):
    reference = reference_of(daily[2])
    for way in (*METHODS, *ASPECTS):
        distances = reference.natural[way]
        assert {name: len(found) for name, found in distances.items()} == {
            "hour": 12,
            "carrier": 12,
            "wind": 12,
            "prediction": 12,
        }
        assert all(0 <= value < 5 for found in distances.values() for value in found)


def test_windows_that_cut_partitions_are_compared_too(landed):
    reference = reference_of(landed.fit(landed.pipeline(monitor={"window": "12h"}, model=QUICK)))
    assert reference.columns.rows == 720
    assert len(reference.natural["psi"]["hour"]) == 24
    assert reference.usual_rows == 30


@pytest.mark.slow
def test_the_next_training_profiles_new_partitions_only_and_comes_to_the_same(landed, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    landed.fit(landed.pipeline(model=QUICK), day=15)
    later = landed.fit(landed.pipeline(model=QUICK), day=18)
    assert "profiles of 12 partitions: 12 made" in caplog.text
    assert "profiles of 12 partitions: 3 made" in caplog.text
    fresh = landed.moved(tmp_path / "fresh")
    again = fresh.fit(fresh.pipeline(model=QUICK), day=18)
    assert digest.files_of(again / "reference") == digest.files_of(later / "reference")


def test_quarantined_rows_are_in_no_profile(landed):
    landed.land(wind=[999.0, *[5.0] * 30, *[15.0] * 29])
    pipeline = landed.pipeline(model=QUICK)
    rows = {part.digest: (0,) for part in landed.at(pipeline)["snapshot"].partitions}
    wind = reference_of(landed.fit(pipeline, excluded=rows)).columns.columns["wind"]
    assert (wind.rows, wind.maximum) == (12 * 59, 15.0)


def test_private_columns_are_left_out(landed):
    pipeline = landed.pipeline(data={"private": ["carrier"]}, model=QUICK)
    reference = reference_of(landed.fit(pipeline))
    assert set(reference.kinds) == set(reference.importance) == {"hour", "wind", "when"}
    for path in (landed.workspace.home / "store" / "profiles").rglob("*.profile"):
        assert b"B6" not in path.read_bytes()


def test_labels_that_have_not_come_leave_the_holdout_empty(landed):
    landed.land(landed_at=lambda frame: frame["when"].where(frame["when"].dt.day < 14, None))
    reference = reference_of(landed.fit(landed.pipeline(**DAYS)))
    assert reference.columns.rows == 720
    assert (reference.prediction.rows, reference.baseline, reference.calibration) == (0, {}, None)
    assert reference.natural["psi"].get("prediction", []) == []


def test_rows_without_time_have_no_windows(patients):
    reference = reference_of(patients.fit(patients.pipeline("patients")))
    assert (reference.columns.rows, reference.window, reference.usual_rows) == (240, None, 240)
    assert not any(found for columns in reference.natural.values() for found in columns.values())
    assert tuple(reference.prediction.columns) == ("prediction[0]", "prediction[1]", "prediction[2]")
    assert reference.calibration is None
    assert 0 < reference.prediction.rows < 100


def test_another_window_is_another_model_and_other_monitoring_is_not(world):
    digests = [
        model_digest(world.pipeline(monitor=monitor), "snapshot", "validation")
        for monitor in ({}, {"drift": {"warn": 0.01}}, {"window": "2d"})
    ]
    assert digests[0] == digests[1] != digests[2]


def test_stretches_lie_as_windows_do(landed):
    snapshot = landed.at(landed.pipeline())["snapshot"].model_copy()
    odd = snapshot.model_copy(update={"as_of": snapshot.as_of + timedelta(hours=7, minutes=30)})
    day = timedelta(days=1)
    found = stretches_of(odd, 5 * day)
    assert found == tuple(
        Interval(snapshot.as_of - 5 * number * day, snapshot.as_of - 5 * (number - 1) * day) for number in (2, 1)
    )
    hourly = stretches_of(odd, timedelta(hours=3))
    assert (len(hourly), hourly[-1].end) == (MOST, snapshot.as_of + timedelta(hours=7))
    assert stretches_of(snapshot, 30 * day) == ()
    within = [piece.within for piece in pieces_of(odd, hourly)]
    for stretch in hourly[:-3]:  # the last three reach beyond the snapshot's partitions
        parts = [part for part in within if stretch.holds(part)]
        assert sum((part.end - part.start for part in parts), timedelta()) == timedelta(hours=3)


@pytest.mark.slow
def test_calibration_is_the_isotonic_regression_thinned():
    from sklearn.isotonic import IsotonicRegression

    random = np.random.default_rng(0)
    promised = random.random(5_000).round(3)
    truth = (random.random(5_000) < promised**2).astype(float)
    knots = calibration(Holdout(truth, promised, None))
    assert 10 < len(knots) <= 50
    promises, observed = (np.array(side) for side in zip(*knots, strict=True))
    assert (np.diff(promises) > 0).all() and (np.diff(observed) >= 0).all()
    np.testing.assert_allclose(observed, IsotonicRegression().fit(promised, truth).predict(promises), atol=1e-9)
    at = np.linspace(0.1, 0.9, 9)
    np.testing.assert_allclose(np.interp(at, promises, observed), at**2, atol=0.06)


def test_too_few_rows_or_one_class_say_nothing_of_calibration():
    few = np.tile([0.0, 1.0], 49)
    assert calibration(Holdout(few, few, None)) is None
    assert calibration(Holdout(np.ones(200), np.linspace(0, 1, 200), None)) is None


def test_metrics_that_one_class_does_not_define_are_left_out():
    found = baseline("binary", Holdout(np.zeros(50), np.linspace(0.1, 0.5, 50), None))
    assert {"accuracy", "log_loss"} <= set(found)
    assert not {"roc_auc", "pr_auc"} & set(found)
