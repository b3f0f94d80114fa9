"""A candidate in the store: complete, reproducible, and cheap the next time."""

import json
import logging

import numpy as np
import pytest

from airloop import data, digest
from airloop.errors import FeatureError, TrainingError, Unreachable
from airloop.features.labels import encode_label
from airloop.scoring import Scorer
from airloop.training.identity import model_digest
from airloop.training.scores import scores

pytestmark = pytest.mark.slow


def bytes_of(folder):
    """Return the digests of all files but the manifest."""
    return {path: sha for path, sha in digest.files_of(folder).items() if path != ".files.json"}


def test_the_folder_is_servable_and_tells_how_it_was_made(landed):
    pipeline = landed.pipeline()
    folder = landed.fit(pipeline)
    assert set(bytes_of(folder)) == {
        *("schema.json", "features.json", "features/features.py", "training.json"),
        *("model/model.ubj", "model/trainer.json"),
        *("reference/reference.json", "reference/columns.profile", "reference/prediction.profile"),
        *(f"replicates/{i}/{name}" for i in (0, 1) for name in ("model.ubj", "trainer.json")),
    }
    record = json.loads((folder / "training.json").read_text())
    assert (record["as_of"], record["train_start"], record["holdout_start"]) == (
        "2013-01-16T00:00:00Z",
        "2013-01-04T00:00:00Z",
        "2013-01-14T00:00:00Z",
    )
    assert record["rows"] == {"fit": 540, "watch": 60}
    assert record["rounds"] == int(np.argmin(record["watched"]["values"])) + 1
    assert sum(record["importance"].values()) == pytest.approx(1)
    assert record["metrics"]["roc_auc"] > 0.8
    assert set(record["lineage"]) == {"snapshot", "validation", "spec", "feature_code", "commit", "versions"}


def test_metrics_are_those_of_the_latest_training_rows(landed):
    pipeline = landed.pipeline()
    folder = landed.fit(pipeline)
    scorer = Scorer.open(folder)
    given = landed.at(pipeline)
    last = data.read_partition(landed.workspace, given["snapshot"].partitions[-3])
    label = encode_label(scorer.schema, last["late"])
    expected = scores("binary", label, scorer.predict(last))
    assert json.loads((folder / "training.json").read_text())["metrics"] == pytest.approx(expected)


def test_the_same_inputs_give_the_same_bytes_elsewhere(landed, tmp_path):
    here = landed.fit(landed.pipeline())
    other = landed.moved(tmp_path / "elsewhere")
    there = other.fit(other.pipeline())
    assert (here.name, bytes_of(here)) == (there.name, bytes_of(there))


@pytest.mark.slow
def test_only_what_changes_the_model_changes_its_digest(landed):
    given = landed.fit(landed.pipeline()).name
    assert landed.fit(landed.pipeline(description="words", owner="me")).name == given
    assert landed.fit(landed.pipeline(model={"seed": 1})).name != given
    assert landed.fit(landed.pipeline(code=landed.code + "\n# a word")).name != given


@pytest.mark.slow
def test_the_next_run_builds_new_days_only_and_comes_to_the_same_model(landed, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    landed.fit(landed.pipeline(), day=15)
    later = landed.fit(landed.pipeline(), day=18)
    assert "features of 10 partitions: 10 built" in caplog.text
    # The first run built those of its holdout's two days as well, for their profiles.
    assert "features of 10 partitions: 1 built" in caplog.text
    fresh = landed.moved(tmp_path / "fresh")
    assert bytes_of(fresh.fit(fresh.pipeline(), day=18)) == bytes_of(later)


def test_quarantined_rows_are_neither_fitted_nor_given_to_the_code(landed):
    code = landed.code.replace("hour = trips", 'assert not trips["wind"].gt(900).any()\n    hour = trips', 1)
    landed.land(wind=[999.0, *[5.0] * 30, *[15.0] * 29])
    pipeline = landed.pipeline(code=code)
    with pytest.raises(FeatureError, match=r"partition 2013-01-04T00:00:00Z: .*features.py:build failed on 60 rows"):
        landed.fit(pipeline)
    rows = {part.digest: (0,) for part in landed.at(pipeline)["snapshot"].partitions}
    record = json.loads((landed.fit(pipeline, excluded=rows) / "training.json").read_text())
    assert record["rows"] == {"fit": 531, "watch": 59}


def test_rows_without_time_and_without_feature_code(patients):
    pipeline = patients.pipeline("patients")
    folder = patients.fit(pipeline)
    scorer = Scorer.open(folder)
    assert [feature.name for feature in scorer.schema.features] == ["shade", "size"]
    assert scorer.schema.classes == ("0", "1", "2")
    record = json.loads((folder / "training.json").read_text())
    assert record["rows"]["watch"] == pytest.approx(sum(record["rows"].values()) / 10, abs=1)
    assert record["metrics"]["accuracy"] > 0.6
    frame = data.read_partition(patients.workspace, patients.at(pipeline)["snapshot"].partitions[0])
    np.testing.assert_allclose(scorer.predict(frame).sum(axis=1), 1, atol=1e-6)
    replicate = Scorer.open(folder, model=folder / "replicates" / "0")
    assert 0 < np.abs(replicate.predict(frame) - scorer.predict(frame)).mean() < 0.1


def test_a_regression_without_early_stopping_uses_every_row(landed):
    pipeline = landed.pipeline(
        data={"label": {"column": "delay"}},
        model={"task": "regression", "early_stopping": 0, "rounds": 5, "replicates": 0},
    )
    landed.land(delay=lambda frame: frame["wind"].fillna(0) * 2)
    record = json.loads((landed.fit(pipeline) / "training.json").read_text())
    assert record["rows"] == {"fit": 600, "watch": 0}
    assert (record["metrics"], record["watched"]["values"], record["rounds"]) == ({}, [], 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"late": True}, r"label 'late' is 'True' in all 600 training rows between 2013-01-04T00:00:00Z and"),
        ({"late": ["a", "b", "c"] * 20}, r"label 'late' has 3 classes \(a, b, c\); task 'binary' needs two"),
        ({"wind": np.nan}, r"features without a single value in the training rows: wind. Drop them"),
        ({"late": lambda frame: frame["when"].dt.day == 13}, r"classes True occur only among the later rows"),
    ],
)
def test_rows_that_cannot_teach_a_model_are_named(world, changes, message):
    world.land(**changes)
    with pytest.raises(TrainingError, match=message):
        world.fit(world.pipeline())


def test_too_few_rows_are_counted(world):
    world.land(rows=1)
    with pytest.raises(TrainingError, match=r"10 labelled training rows between 2013-01-04.* at least 20 are needed"):
        world.fit(world.pipeline())


def test_features_that_look_at_other_rows_are_refused(landed):
    code = landed.code.replace('trips["wind"]}', 'trips["wind"] - trips["wind"].mean()}')
    with pytest.raises(FeatureError, match=r"feature 'wind' of a row is .* among many rows and .* alone"):
        landed.fit(landed.pipeline(code=code))


def test_features_of_mixed_types_are_refused_with_their_partition(landed):
    code = landed.code.replace('trips["wind"]}', '[1, "x"] * (len(trips) // 2)}', 1)
    with pytest.raises(FeatureError, match=r"partition 2013-01-04T00:00:00Z: features cannot be kept as Parquet"):
        landed.fit(landed.pipeline(code=code))


def test_a_wrong_parameter_is_named_before_rows_are_read(world):
    world.land()
    pipeline = world.pipeline(model={"params": {"max_dept": 3}}, code="raise RuntimeError")
    with pytest.raises(TrainingError, match=r"unknown parameter 'max_dept'. Did you mean 'max_depth'"):
        world.fit(pipeline)


def test_rows_kept_on_disk_leave_nothing_behind(landed, tmp_path):
    in_memory = landed.fit(landed.pipeline())
    on_disk = landed.fit(landed.pipeline(model={"external_memory_above": 100}))
    frame = data.read_partition(landed.workspace, landed.at(landed.pipeline())["snapshot"].partitions[0])
    answers = [Scorer.open(folder).predict(frame) for folder in (in_memory, on_disk)]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)
    assert not list((landed.workspace.home / "store" / ".work" / "models").iterdir())


def test_a_disk_that_takes_nothing_says_what_to_do_and_costs_no_work(landed):
    pipeline = landed.pipeline()
    given = landed.at(pipeline)
    model = model_digest(pipeline, given["snapshot_digest"], given["validation_digest"])
    blocked = landed.workspace.store.work_folder("models", model) / "main"
    blocked.write_text("a file where the checkpoints' folder would be")
    with pytest.raises(Unreachable, match=r"training cannot write: .*main.*Free space or mend permissions below"):
        landed.fit(pipeline)
    assert not landed.workspace.store.has("models", model)
    blocked.unlink()
    assert landed.fit(pipeline).name == model
