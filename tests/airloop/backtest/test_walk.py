"""The walk itself, on real models of a world whose causes change on the 6th day."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from airloop import backtest, data, training, validation
from airloop.backtest.crew import crew
from airloop.backtest.learning import learn
from airloop.backtest.summary import headline
from airloop.spec import Spec
from airloop.statistics.metrics import score
from airloop.workspace import Workspace

from .conftest import SPEC, START, day, deliveries

pytestmark = pytest.mark.slow


def by_day(walk):
    return {(step.as_of - START).days: step for step in walk.steps}


def test_a_tick_without_data_is_skipped_with_its_reason_and_the_walk_goes_on(walked):
    steps = by_day(walked.world.walk(day(-1), day(8)))
    assert [step.outcome for step in steps.values()] == ["SKIPPED", "SKIPPED", "PROMOTE"]
    assert "no row in the train window" in steps[-1].reasons[0]
    assert steps[-1].scored.problem == "no champion yet"
    assert steps[5].answering == {"never": 2, "always": 2, "gates": 2}


def test_the_first_candidate_is_judged_by_absolute_gates_and_the_next_against_it(walked):
    first, second = walked.walk.steps[1:3]
    assert (first.outcome, first.against) == ("PROMOTE", "")
    assert second.against == first.version
    assert "log_loss" in second.holdout


def test_a_champion_that_never_retrains_gets_worse_when_the_causes_change(walked):
    walk, late = walked.walk, walked.walk.steps[-1]
    assert walk.score(late, "never", "log_loss").value > 1.5 * walk.score(late, "gates", "log_loss").value
    found = walk.contrast("gates", "never", "log_loss")
    assert (found.intervals, found.differing) == (5, 4)
    assert found.bound("days")[0] > 0.1


def test_models_are_measured_on_the_rows_that_follow_with_the_labels_known_in_time(walked):
    """By hand: rows of the next three days whose label was known a day after the interval, and no others."""
    step = by_day(walked.walk)[8]
    rows = [deliveries(number) for number in (8, 9, 10)]
    known = [frame[frame["arrived_at"] <= day(12)] for frame in rows]
    assert step.scored.seen == sum(map(len, rows))
    assert step.scored.rows == sum(map(len, known)) < step.scored.seen
    workspace = walked.world.workspace
    scorer = training_scorer(workspace, step.model)
    truth = np.concatenate([frame["late"].to_numpy(float) for frame in known])
    answers = np.concatenate([scorer.predict(frame[["distance", "load", "sent_at"]]) for frame in known])
    for metric in ("log_loss", "roc_auc", "accuracy"):
        assert walked.walk.score(step, "always", metric).value == pytest.approx(score(metric, truth, answers))


def training_scorer(workspace, model):
    from airloop.scoring import Scorer

    return Scorer.open(workspace.store.folder("models", model))


def test_what_becomes_known_later_changes_nothing(walked, tmp_path):
    """Every row after the last label that counts is another one: the walk is the same to the last digit."""
    world = walked.world
    home = tmp_path / "home"
    shutil.copytree(world.workspace.home / "data", home / "data")
    for number in (12, 13, 14):
        frame = deliveries(number)
        frame["late"] = ~frame["late"]
        frame.to_parquet(home / "data" / f"{day(number):%Y-%m-%d}.parquet")
    shutil.copy(world.workspace.home / "mlflow.db", home / "mlflow.db")
    other = replace(world, workspace=Workspace.from_environment({"AIRLOOP_HOME": str(home)}))
    (here,), (there,) = world.walk(day(8), day(11)).steps, other.walk(day(8), day(11)).steps
    assert there == here


def test_what_a_run_or_an_earlier_backtest_made_is_found(walked):
    told = []
    again = walked.world.walk(day(2), day(20), tell=told.append)
    assert again == walked.walk
    trained = [one.result for one in told if one.stage == "train" and not one.result.problem]
    assert len(trained) == 5 and all(one.was_there for one in trained)


def test_a_backtest_trains_the_same_model_as_a_run(walked):
    world, step = walked.world, by_day(walked.walk)[11]
    name, snapshot = data.take(world.workspace, world.pipeline, step.as_of)
    digest, checked = validation.validate(world.workspace, world.pipeline, snapshot)
    trained = training.train(world.workspace, world.pipeline, name, snapshot, digest, checked)
    assert (trained.digest, trained.version) == (step.model, step.version)


@pytest.mark.slow
def test_several_processes_find_the_same_as_one(walked):
    world = walked.world
    ticks = backtest.plan(world.workspace, world.pipeline, day(5), day(11), timedelta(days=3))
    with crew(world.workspace, world.pipeline, 2) as hands:
        found = dict(hands.each(learn, [(tick.as_of,) for tick in ticks]))
    assert [found[number].model for number in range(2)] == [by_day(walked.walk)[one].model for one in (5, 8)]


def test_a_pipeline_without_gates_promotes_nothing_and_says_so(walked):
    walk = walked.world.changed(gates=[]).walk(day(5), day(11))
    assert [step.outcome for step in walk.steps] == ["HOLD", "HOLD"]
    assert not walk.has_gates
    assert headline(walk).startswith("The gates would have let no model in: no gate is configured")
    assert walk.contrast("always", "never", walk.metric).intervals == 2


def test_an_interval_without_rows_is_named_and_left_out(walked):
    walk = walked.world.walk(day(17), day(26))
    assert [step.scored.problem for step in walk.steps] == ["", "no rows in the interval", "no rows in the interval"]
    assert walk.contrast("gates", "never", "log_loss").intervals == 1


def test_several_classes_and_numbers_are_measured_too(walked):
    spec = SPEC | {
        "data": SPEC["data"] | {"label": {"column": "load", "known_at": "arrived_at"}},
        "model": SPEC["model"] | {"task": "regression"},
        "gates": [{"metric": "rmse", "max": 5, "min_rows": 50}],
    }
    world = replace(walked.world, pipeline=replace(walked.world.pipeline, spec=Spec.model_validate(spec)))
    walk = world.walk(day(8), day(11))
    assert set(walk.steps[0].scored.scores[walk.steps[0].model]) == {"mae", "r2", "rmse"}
    assert json.dumps(walk.steps[0].holdout)
