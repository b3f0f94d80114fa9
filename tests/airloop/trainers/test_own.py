"""Trainers in a file of the pipeline's folder: found, checked, carried by the model, and told of by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from airloop import trainers
from airloop.errors import BundleError, TrainingError
from airloop.trainers.own import is_own
from airloop.trainers.protocol import Rows, TrainingData

HELPER = "FACTOR = 2.0\n"
OWN = """
import json
import numpy as np
from helper import FACTOR

class Scaled:
    rounds, watched = 1, ("", ())

    def __init__(self, mean):
        self.mean = mean

    def predict(self, matrix):
        return np.full(len(matrix), self.mean * FACTOR)

    def save(self, folder):
        (folder / "mean.json").write_text(json.dumps(self.mean))

    def importance(self, names):
        return {name: 1 / len(names) for name in names}

class Own:
    libraries = ("numpy",)

    def check(self, model):
        if model != "right":
            raise ValueError("that is wrong")

    def fit(self, data, model, checkpoints):
        return Scaled(float(data.fit.label.mean()))

    def fit_replicate(self, data, model, number, checkpoints):
        return self.fit(data, model, checkpoints)

    def load(self, folder, threads=1):
        return Scaled(json.loads((folder / "mean.json").read_text()))
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "land.py").write_text("raise SystemExit('not of the trainer')\n")
    return tmp_path


def changed(folder: Path, old: str, new: str) -> Path:
    text = (folder / "own.py").read_text()
    assert old in text
    (folder / "own.py").write_text(text.replace(old, new))
    return folder


def data() -> TrainingData:
    rows = Rows(np.ones((4, 1), np.float32), np.array([0, 1, 1, 0], np.float32), np.arange(4, dtype=np.uint64))
    return TrainingData(("wind",), (False,), 2, rows, None)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("own.py:Own", True), ("parts/own.py:Own", True), ("xgboost", False), ("company.models.Own", False)],
)
def test_a_file_and_a_class_name_a_trainer_of_the_pipeline(name, is_one):
    assert is_own(name) is is_one


def test_it_is_found_with_the_files_that_it_imports(folder):
    assert set(trainers.sources("own.py:Own", folder)) == {"own.py", "helper.py"}
    assert trainers.sources("xgboost", folder) == {}
    found = trainers.find("own.py:Own", folder)
    assert (found.libraries, found.serving) == (("numpy",), ("numpy",))


def test_what_answering_needs_can_be_less_than_what_training_does(folder):
    changed(folder, 'libraries = ("numpy",)', 'libraries = ("numpy",)\n    serving = ()')
    assert trainers.find("own.py:Own", folder).serving == ()


def test_a_saved_model_carries_its_code(folder, tmp_path):
    trainer, saved = trainers.find("own.py:Own", folder), tmp_path / "model"
    trainers.save(trainer.fit(data(), "right", None), "own.py:Own", saved, trainers.sources("own.py:Own", folder))
    changed(folder, "self.mean * FACTOR", "self.mean * 1000")
    assert trainers.load(saved).predict(np.ones((2, 1), np.float32)).tolist() == [1.0, 1.0]
    assert json.loads((saved / "trainer.json").read_text()) == {"trainer": "own.py:Own"}
    assert sorted(path.name for path in (saved / "trainer").iterdir()) == ["helper.py", "own.py"]


def test_two_versions_of_a_trainer_answer_side_by_side(folder, tmp_path):
    kept = []
    for factor in ("2.0", "3.0"):
        (folder / "helper.py").write_text(f"FACTOR = {factor}\n")
        fitted = trainers.find("own.py:Own", folder).fit(data(), "right", None)
        trainers.save(fitted, "own.py:Own", tmp_path / factor, trainers.sources("own.py:Own", folder))
    kept = [trainers.load(tmp_path / factor) for factor in ("2.0", "3.0")]
    assert [model.predict(np.ones((1, 1), np.float32))[0] for model in kept] == [1.0, 1.5]


def test_mistakes_are_told_by_name(folder):
    with pytest.raises(TrainingError, match=r"own.py:Own.check failed: ValueError: that is wrong"):
        trainers.find("own.py:Own", folder).check("wrong")
    with pytest.raises(TrainingError, match=r"'own.py:Owm': no class 'Owm'. Did you mean 'Own'\?"):
        trainers.find("own.py:Owm", folder)
    with pytest.raises(TrainingError, match=r"owm.py does not exist. Did you mean 'own.py'\?"):
        trainers.find("owm.py:Own", folder)
    with pytest.raises(TrainingError, match=r"'own.py:Scaled' failed|own.py:Scaled failed: TypeError"):
        trainers.find("own.py:Scaled", folder)
    changed(folder, "    def fit_replicate", "    def fit_again")
    with pytest.raises(TrainingError, match=r"'own.py:Own' has no fit_replicate; see airloop.trainers.protocol"):
        trainers.find("own.py:Own", folder)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("np.ones(len(matrix) + 1)", r"predict returned the shape \(2,\) for 1 rows"),
        ("np.full(len(matrix), np.nan)", r"predict returned NaN or infinity"),
        ("1 / 0", r"own.py:Own: predict failed: ZeroDivisionError"),
    ],
)
def test_wrong_answers_end_the_training(folder, answer, message):
    changed(folder, "np.full(len(matrix), self.mean * FACTOR)", answer)
    with pytest.raises(TrainingError, match=message):
        trainers.find("own.py:Own", folder).fit(data(), "right", None)


def test_a_bundle_whose_trainer_cannot_be_run_here_says_so(folder, tmp_path):
    fitted = trainers.find("own.py:Own", folder).fit(data(), "right", None)
    trainers.save(fitted, "own.py:Own", tmp_path / "model", trainers.sources("own.py:Own", folder))
    (tmp_path / "model" / "trainer" / "own.py").write_text("import no_such_library\n" + OWN)
    with pytest.raises(BundleError, match=r"its trainer cannot be loaded here: .*No module named 'no_such_library'"):
        trainers.load(tmp_path / "model")
