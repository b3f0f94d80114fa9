"""Trainers by name or dotted path."""

import sys

import pytest

from airloop import trainers
from airloop.errors import BundleError, TrainingError

OWN = "class Own:\n    libraries = ()\n    def load(self, folder, threads=1): return (folder, threads)\n"


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(TrainingError, match=r"model.trainer: unknown 'xgbost'. Did you mean 'xgboost'\?"):
        trainers.find("xgbost")


def test_a_dotted_path_is_imported(tmp_path, monkeypatch):
    (tmp_path / "own_trainer_module.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    assert type(trainers.find("own_trainer_module.Own")).__name__ == "Own"
    with pytest.raises(TrainingError, match=r"'own_trainer_module.Owm' cannot be loaded: .*no attribute 'Owm'"):
        trainers.find("own_trainer_module.Owm")
    with pytest.raises(TrainingError, match=r"'no_such.Trainer' cannot be loaded: No module named 'no_such'"):
        trainers.find("no_such.Trainer")
    sys.modules.pop("own_trainer_module")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"holds no model: trainer.json cannot be read"):
        trainers.load(tmp_path)
