"""Wrong parameters are named before any row is read."""

import pytest

from airloop.errors import TrainingError
from airloop.spec.model import Model
from airloop.trainers import find
from airloop.trainers.checkpoint import Checkpoints
from airloop.trainers.parameters import with_constraints


@pytest.mark.parametrize(
    ("task", "params", "message"),
    [
        ("binary", {"max_dept": 6}, r"unknown parameter 'max_dept'. Did you mean 'max_depth'\? Known: alpha, "),
        ("binary", {"max_depth": "deep"}, r"max_depth expect int but value='deep'"),
        ("binary", {"max_depth": -1}, r"value -1 for Parameter max_depth should be greater equal to 0"),
        ("binary", {"nthread": 8}, r"model.params.nthread cannot be set: set model.threads instead"),
        ("binary", {"seed": 8}, r"model.params.seed cannot be set: set model.seed instead"),
        ("binary", {"n_estimators": 8}, r"cannot be set: set model.rounds instead"),
        ("multiclass", {"num_class": 8}, r"cannot be set: it is counted from the label"),
        ("binary", {"objective": "reg:squarederror"}, r"does not fit task 'binary'.*Known: binary:logistic"),
        ("regression", {"objective": "reg:gama"}, r"Did you mean 'reg:gamma'\?"),
        ("binary", {"booster": "gblinear"}, r"'gblinear' has no trees. Known: dart, gbtree"),
        ("binary", {"eval_metric": ["auc", "logloss"]}, r"must be one name"),
        ("binary", {"eval_metric": "aucc"}, r"Unknown metric function aucc"),
        ("binary", {"tree_method": "exakt"}, r"'exakt', valid values are"),
    ],
)
def test_wrong_parameters_are_named(task, params, message):
    with pytest.raises(TrainingError, match=message):
        find("xgboost").check(Model(task=task, params=params))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_xgboost_documents_is_accepted(task):
    params = {"eta": 0.1, "lambda": 2, "reg_alpha": 0.5, "max_bin": 64, "grow_policy": "lossguide", "base_score": 0.4}
    find("xgboost").check(Model(task=task, params=params))


def test_constraints_name_features():
    given = {"monotone_constraints": {"b": -1}, "interaction_constraints": [["a", "c"], ["b"]]}
    found = with_constraints(given, ["a", "b", "c"])
    assert found == {"monotone_constraints": "(0,-1,0)", "interaction_constraints": "[[0, 2], [1]]"}
    with pytest.raises(TrainingError, match=r"constraint on unknown feature 'distnce'. Did you mean 'distance'\?"):
        with_constraints({"monotone_constraints": {"distnce": 1}}, ["distance"])


def test_a_monotone_constraint_holds(make_data, tmp_path):
    import numpy as np

    data = make_data()
    settings = Model(task="binary", params={"monotone_constraints": {"a": -1}}, rounds=20)
    fitted = find("xgboost").fit(data, settings, Checkpoints(tmp_path))
    rows = np.zeros((50, 5), np.float32)
    rows[:, 0] = np.linspace(-3, 3, 50)
    assert (np.diff(fitted.predict(rows)) <= 0).all()
