"""Realised performance: metrics with their bounds, and losses that must be large and sure."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from airloop.errors import DataError, SpecError
from airloop.monitoring.freezing import freeze
from airloop.monitoring.frozen import open_window
from airloop.monitoring.losses import weigh, worst, worst_first
from airloop.monitoring.measuring import Labelled, measure
from airloop.monitoring.performance import load_performance, score
from airloop.monitoring.scores import Measured
from airloop.profiles.reference import Reference
from airloop.refs import Level
from airloop.spec.model import Decay
from airloop.statistics import metrics


def scored(desk, day=21.0, **sections):
    """Return the ref and what it points at, of the week before ``day``."""
    pipeline = desk.spec(**sections)
    arrived = desk.predictions(day, pipeline)
    labels, _ = desk.labels(arrived, pipeline=pipeline)
    window = freeze(desk.workspace, pipeline, predictions=arrived)
    ref = score(desk.workspace, pipeline, window=window, labels=labels)
    return ref, load_performance(desk.workspace, ref)


def turned(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with other labels than the model learned: near ones are late."""
    return rows.assign(late=rows["distance_km"] < 45)


def test_metrics_are_those_of_the_labels_that_were_known(desk):
    desk.ask_days(14, 20)
    ref, found = scored(desk)
    arrived = desk.predictions()
    window = open_window(desk.workspace, freeze(desk.workspace, desk.pipeline, predictions=arrived))
    truth = pd.concat([desk.parcels(day) for day in range(14, 21)], ignore_index=True)
    known = (truth["arrived_at"] <= desk.at(21)).to_numpy()
    answers = window.rows["probability"].to_numpy()[known]
    for name, value in ref.metrics.items():
        assert value == metrics.score(name, truth["late"].to_numpy()[known].astype(float), answers)
        assert found.metrics[name].low < value < found.metrics[name].high
        assert (found.metrics[name].rows, found.metrics[name].unit) == (known.sum(), "day")
    assert set(ref.metrics) == {"accuracy", "brier", "calibration_error", "log_loss", "pr_auc", "roc_auc"}
    assert (ref.level, ref.labelled, ref.missing_rows) == (Level.OK, known.sum(), 0)
    assert found.version == "1"
    assert found.baseline == Reference.load(desk.bundle.folder / "reference").baseline
    held = {rule.metric for rule in desk.pipeline.spec.monitor.performance}
    assert ref.baseline == {name: found.baseline[name][0] for name in held}


@pytest.mark.slow
def test_the_same_window_and_labels_are_scored_once(desk):
    desk.ask_days(14, 20)
    first, _ = scored(desk)
    path = desk.workspace.store.folder("performances", first.digest) / "performance.json"
    written = path.stat().st_mtime_ns
    assert scored(desk)[0] == first
    assert path.stat().st_mtime_ns == written


def test_a_changed_relation_acts(desk):
    for day in range(14, 21):
        desk.land(day, turned)
    desk.ask_days(14, 20)
    ref, found = scored(desk)
    assert ref.level is Level.ACT
    (loss,) = found.losses
    assert loss.loss == pytest.approx(loss.baseline - loss.value)
    assert loss.lower > 0.5
    assert "act is 0.08, and it is at least 0." in ref.reasons[0]


def test_too_few_labels_are_inconclusive_and_say_how_many_are_missing(desk):
    for day in range(14, 21):
        desk.land(day, lambda rows: rows.assign(late=rows["late"].astype("boolean").mask(rows.index < 60)))
    desk.ask_days(14, 20)
    ref, found = scored(desk)
    assert (ref.level, ref.labelled, ref.missing_rows) == (Level.INCONCLUSIVE, 420, 672 - 420)
    assert ref.reasons[0].startswith("labels of 420 of 840 predictions (50%) are known")
    assert found.metrics["roc_auc"].rows == 420


@pytest.mark.slow
def test_too_few_labels_of_the_windows_version_are_inconclusive(desk):
    second = desk.another_version()
    for day in (14, 15, 16, 17):
        desk.ask(desk.parcels(day).iloc[:59])
        desk.ask(desk.parcels(day).iloc[59:], by=second)
    ref, found = scored(desk, monitor={"labels": {"min_rows": 300}, "predictions": {"volume": 0, "min_rows": 10}})
    assert (found.version, found.predictions, ref.labelled, ref.missing_rows) == ("2", 244, 244, 56)
    assert ref.level is Level.INCONCLUSIVE
    assert ref.reasons[0] == "244 labelled predictions of version 2, min_rows is 300"


def test_one_class_is_inconclusive_and_never_nan(desk):
    for day in range(14, 21):
        desk.land(day, lambda rows: rows.assign(late=False))
    desk.ask_days(14, 20)
    ref, found = scored(desk)
    assert ref.level is Level.INCONCLUSIVE
    assert ref.reasons[0] == "roc_auc: roc_auc needs rows of both classes; all rows have label 0"
    assert set(ref.metrics) == {"accuracy", "brier", "calibration_error", "log_loss"}
    assert found.metrics["pr_auc"].value is None
    text = (desk.workspace.store.folder("performances", ref.digest) / "performance.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["metrics"]["roc_auc"]["value"] is None
    assert "NaN" not in ref.model_dump_json()


@pytest.mark.slow
def test_a_class_that_training_never_saw_is_left_out_and_told(desk):
    for day in range(14, 21):
        desk.land(day, lambda rows: rows.assign(late=np.where(rows.index < 10, "lost", rows["late"].astype(str))))
    desk.ask_days(14, 20)
    ref, _ = scored(desk)
    truth = pd.concat([desk.parcels(day) for day in range(14, 21)])
    known = truth["arrived_at"] <= desk.at(21)
    lost = int((known & (truth.index < 10)).sum())
    assert ref.labelled == known.sum() - lost
    assert ref.reasons[-1] == f"{lost} labels are of classes that training never saw; they are left out"


def test_without_a_rule_nothing_says_what_a_loss_is(desk):
    desk.ask_days(14, 20)
    ref, _ = scored(desk, monitor={"performance": []})
    assert ref.level is Level.INCONCLUSIVE
    assert ref.reasons == ("monitor.performance has no rule: nothing says what would be a loss",)
    assert ref.metrics["roc_auc"] > 0.8


def test_no_predictions_are_no_performance(desk):
    ref, found = scored(desk)
    assert (ref.level, ref.labelled, ref.metrics, ref.missing_rows) == (Level.INCONCLUSIVE, 0, {}, 50)
    assert ref.reasons == ("no predictions, so there is nothing to label",)
    assert found.not_estimated == "no predictions"


def test_a_broken_source_is_inconclusive_with_its_reason(desk):
    for day in range(14, 28):
        desk.land(day, lambda rows: rows.rename(columns={"late": "is_late"}))
    desk.ask_days(14, 20)
    ref, found = scored(desk)
    assert (ref.level, ref.labelled) == (Level.INCONCLUSIVE, 0)
    assert ref.reasons[0].startswith("the source cannot be used: ")
    assert set(ref.estimated) == {"accuracy", "brier", "log_loss", "roc_auc"}
    assert found.metrics["roc_auc"].problem == "no labelled rows"


def test_slices_are_listed_largest_first_and_do_not_act(desk):
    desk.ask_days(14, 20)
    rule = {"metric": "roc_auc", "warn": 0.03, "act": 0.08, "slices": "depot"}
    ref, found = scored(desk, monitor={"performance": [rule]})
    assert [one.name for one in found.slices] == ["A", "B", "C"]
    assert sum(one.measured.rows for one in found.slices) == ref.labelled
    assert found.slices[0].measured.low < found.slices[0].measured.value < found.slices[0].measured.high
    assert found.slices[2].measured.problem == "fewer than 100 labelled rows"
    assert ref.level is Level.OK


@pytest.mark.slow
def test_a_slice_may_be_a_column_of_the_source_that_is_no_input(desk):
    for day in range(14, 21):
        desk.land(day, lambda rows: rows.assign(lorry=np.where(rows.index % 2, "big", None)))
    desk.ask_days(14, 20)
    rule = {"metric": "brier", "warn": 0.03, "act": 0.08, "slices": "lorry"}
    _, found = scored(desk, monitor={"performance": [rule]})
    assert {one.name for one in found.slices} == {"big", "(missing)"}
    with pytest.raises(SpecError, match="'lorry' is private"):
        scored(desk, monitor={"performance": [rule]}, data={"private": ["lorry"]})


def test_a_performance_that_is_not_in_the_store_is_named(desk):
    with pytest.raises(DataError, match="performance abc is not in the store; run score_performance again"):
        load_performance(desk.workspace, "abc")


RULE = Decay(metric="roc_auc", warn=0.02, act=0.05)


def measured(value, error, degrees=30.0, rows=1000):
    return Measured(rows, value, error, degrees, value - 2 * error, value + 2 * error, "day")


@pytest.mark.parametrize(
    ("value", "error", "level", "words"),
    [
        (0.80, 0.005, Level.OK, "roc_auc 0.8 is 0 worse than 0.8 on the holdout"),
        (0.83, 0.005, Level.OK, "0.03 better than 0.8"),
        (0.77, 0.005, Level.WARN, "0.03 worse than 0.8 on the holdout; warn is 0.02, and it is at least 0.01"),
        (0.77, 0.050, Level.OK, "that may be noise"),
        (0.74, 0.005, Level.ACT, "0.06 worse than 0.8 on the holdout; act is 0.05, and it is at least 0.04"),
        (0.74, 0.050, Level.INCONCLUSIVE, "act is 0.05, but it may be noise: 1,164 more labelled rows would tell"),
    ],
)
def test_a_loss_must_be_large_and_sure(value, error, level, words):
    found = weigh(RULE, measured(value, error), (0.8, 0.01))
    assert found.level is level
    assert words in found.reason


def test_the_rows_that_are_missing_would_indeed_tell():
    before = weigh(RULE, measured(0.74, 0.05, degrees=1e9), (0.8, 0.01))
    share = (1000 + before.missing_rows) / 1000
    after = weigh(RULE, measured(0.74, 0.05 / share**0.5, degrees=1e9), (0.8, 0.01))
    assert after.level is Level.ACT
    assert weigh(RULE, measured(0.74, 0.05 / (share * 0.97) ** 0.5, degrees=1e9), (0.8, 0.01)).level is not Level.ACT


def test_a_holdout_too_small_to_tell_asks_for_no_rows():
    found = weigh(RULE, measured(0.74, 0.05), (0.8, 0.06))
    assert (found.level, found.missing_rows) == (Level.INCONCLUSIVE, 0)
    assert found.reason.endswith("the holdout itself is too small to tell")


def test_less_is_worse_where_less_is_better():
    rule = Decay(metric="log_loss", warn=0.02, act=0.05)
    assert weigh(rule, measured(0.6, 0.001), (0.5, 0.001)).level is Level.ACT
    assert weigh(rule, measured(0.4, 0.001), (0.5, 0.001)).level is Level.OK


def test_a_baseline_without_an_error_counts_as_uncertain_as_the_window():
    assert weigh(RULE, measured(0.74, 0.03), (0.8, 0.0)).level is Level.ACT
    assert weigh(RULE, measured(0.74, 0.03), (0.8, None)).level is Level.INCONCLUSIVE


def test_what_cannot_be_compared_is_inconclusive():
    assert weigh(RULE, measured(0.74, 0.001), None).reason == "roc_auc: the holdout has no value to compare with"
    assert weigh(RULE, Measured(9, problem="one class"), (0.8, 0.01)).level is Level.INCONCLUSIVE
    certain = weigh(RULE, measured(0.74, 0.0), (0.8, 0.0))
    assert (certain.level, certain.lower) == (Level.ACT, pytest.approx(0.06))


def test_equal_models_act_in_few_windows():
    """Windows that are as good as the holdout but for noise: ACT at most as often as the bound's 5 % allows."""
    random = np.random.default_rng(0)
    values, baselines = random.normal(0.8, 0.05, 4000), random.normal(0.8, 0.03, 4000)
    levels = [weigh(RULE, measured(v, 0.05, 1e6), (b, 0.03)).level for v, b in zip(values, baselines, strict=True)]
    assert 0.03 < levels.count(Level.ACT) / 4000 < 0.06


def test_the_worst_level_counts():
    assert worst([Level.OK, Level.INCONCLUSIVE]) is Level.INCONCLUSIVE
    assert worst([Level.WARN, Level.INCONCLUSIVE, Level.OK]) is Level.WARN
    assert worst([Level.WARN, Level.ACT]) is Level.ACT
    assert worst([]) is Level.INCONCLUSIVE
    found = [weigh(RULE, measured(value, 0.001), (0.8, 0.001)) for value in (0.79, 0.74, 0.77)]
    assert [loss.level for loss in worst_first(found)] == [Level.ACT, Level.WARN, Level.OK]


def test_classes_and_numbers_are_measured_as_well():
    random = np.random.default_rng(0)
    times = np.datetime64("2024-03-01", "us") + np.arange(700) * np.timedelta64(15, "m")
    chances = random.dirichlet([1, 1, 1], 700)
    truth = np.array([random.choice(3, p=row) for row in chances], dtype=float)
    found = measure("log_loss", Labelled(truth, chances, times))
    assert found.value == metrics.score("log_loss", truth, chances)
    assert (found.unit, found.degrees) == ("day", 7.0)
    numbers = random.normal(size=700)
    found = measure("r2", Labelled(numbers + random.normal(size=700) / 3, numbers, times))
    assert 0.8 < found.low < found.value < found.high <= 1.0
    assert measure("r2", Labelled(np.ones(700), numbers, times)).problem.startswith("r2 needs labels that differ")
