"""Trees walked by NumPy against XGBoost itself: equal bit by bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xgboost

from airloop.serving import ubjson
from airloop.serving.forest import Forest
from airloop.serving.links import Unsupported

ROWS = np.random.default_rng(1).normal(size=(300, 6)).astype(np.float32)
ROWS[np.random.default_rng(2).random(ROWS.shape) < 0.1] = np.nan
ROWS[:, 0] = np.random.default_rng(3).integers(0, 20, len(ROWS))
ROWS[::7, 0] = np.nan
TYPES = ["c", "q", "q", "q", "q", "q"]

MODELS = {
    "binary": {"objective": "binary:logistic"},
    "base score": {"objective": "binary:logistic", "base_score": 0.3},
    "deep and uneven": {"objective": "binary:logistic", "max_depth": 0, "max_leaves": 40, "grow_policy": "lossguide"},
    "one hot categories": {"objective": "binary:logistic", "max_cat_to_onehot": 30},
    "random forest": {"objective": "binary:logistic", "num_parallel_tree": 3, "subsample": 0.7},
    "multiclass": {"objective": "multi:softprob", "num_class": 4},
    "regression": {"objective": "reg:squarederror"},
    "absolute error": {"objective": "reg:absoluteerror"},
    "gamma": {"objective": "reg:gamma"},
    "poisson": {"objective": "count:poisson"},
    "tweedie": {"objective": "reg:tweedie"},
    "pseudo Huber": {"objective": "reg:pseudohubererror"},
    "squared log": {"objective": "reg:squaredlogerror"},
}


def fit(params: dict, rounds: int = 12) -> xgboost.Booster:
    """Return a model of labels that suit the objective."""
    random = np.random.default_rng(4)
    label = {"multi": random.integers(0, 4, len(ROWS)), "binary": random.integers(0, 2, len(ROWS))}.get(
        params["objective"].partition(":")[0], random.gamma(2.0, size=len(ROWS))
    )
    data = xgboost.DMatrix(ROWS, label, feature_types=TYPES, enable_categorical=True, nthread=1)
    fitted = xgboost.train({"max_depth": 4, "nthread": 1, "max_cat_to_onehot": 4, "seed": 0} | params, data, rounds)
    # As the server does: a model in memory keeps its base score more exactly than its file.
    return xgboost.Booster({"nthread": 1}, model_file=bytearray(fitted.save_raw("ubj")))


def forest_of(booster: xgboost.Booster) -> Forest:
    return Forest.from_model(ubjson.read(bytes(booster.save_raw("ubj"))))


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_xgboost_s_bit_by_bit(name):
    booster = fit(MODELS[name])
    forest, native = forest_of(booster), booster.inplace_predict(ROWS)
    together = forest.predict(ROWS)
    alone = np.concatenate([forest.predict(ROWS[row : row + 1]) for row in range(len(ROWS))])
    assert np.array_equal(together, native)
    assert np.array_equal(alone, native)
    for rows in (2, 4, 5, 64, 65):
        assert np.array_equal(forest.predict(ROWS[:rows]), native[:rows])


def test_values_at_and_beside_every_bound_go_the_same_way():
    booster = fit(MODELS["binary"])
    forest = forest_of(booster)
    for feature in range(1, 6):
        bounds = forest.bounds(feature)
        assert bounds.size
        for values in (bounds, np.nextafter(bounds, np.float32(-np.inf)), np.nextafter(bounds, np.float32(np.inf))):
            rows = np.repeat(ROWS[:1], len(values), axis=0)
            rows[:, feature] = values
            assert np.array_equal(forest.predict(rows), booster.inplace_predict(rows))


def test_categories_that_no_tree_knows_go_the_same_way():
    booster = fit(MODELS["binary"])
    rows = np.repeat(ROWS[:1], 4, axis=0)
    rows[:, 0] = [19, 20, 500, np.nan]
    assert np.array_equal(forest_of(booster).predict(rows), booster.inplace_predict(rows))


def test_no_rows_give_no_answers():
    assert forest_of(fit(MODELS["binary"])).predict(ROWS[:0]).shape == (0,)
    assert forest_of(fit(MODELS["multiclass"])).predict(ROWS[:0]).shape == (0, 4)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"objective": "binary:hinge"}, "objective 'binary:hinge' is evaluated by its own library only"),
        ({"objective": "binary:logistic", "booster": "dart"}, "booster 'dart' is evaluated by its own library only"),
    ],
)
def test_other_kinds_are_left_to_xgboost(params, reason):
    with pytest.raises(Unsupported, match=reason):
        forest_of(fit(params))


def test_trees_that_are_too_deep_are_left_to_xgboost():
    model = ubjson.read(bytes(fit(MODELS["regression"], rounds=1).save_raw("ubj")))
    (tree,) = model["learner"]["gradient_booster"]["model"]["trees"]
    nodes = 2 * 70 + 1  # a chain: each left child is a leaf
    chain = {name: np.zeros(nodes, np.float32) for name in ("split_conditions", "split_indices", "split_type")}
    lefts = [place + 1 if place % 2 == 0 and place + 2 < nodes else -1 for place in range(nodes)]
    rights = [place + 2 if left != -1 else -1 for place, left in enumerate(lefts)]
    tree |= chain | {"left_children": lefts, "right_children": rights, "default_left": [0] * nodes}
    with pytest.raises(Unsupported, match="trees of depth 70; at most 64 are walked here"):
        Forest.from_model(model)


def test_ubjson_is_read_as_json_is():
    booster = fit(MODELS["binary"], rounds=2)
    assert same(ubjson.read(bytes(booster.save_raw("ubj"))), json.loads(bytes(booster.save_raw("json"))))


def same(found: object, expected: object) -> bool:
    """Return whether two values are equal, numbers in float32 as JSON writes them."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(same(*pair) for pair in zip(found, expected, strict=True))
    return np.float32(found) == np.float32(expected) if isinstance(expected, float) else found == expected


@pytest.mark.parametrize("data", [b"", b"{", b"{L\x00", b"[$q#i\x01", b"[$d#i\x7f", b"?", b"SU\x02a"])
def test_what_is_not_ubjson_says_so(data):
    with pytest.raises(ValueError, match=r"not UBJSON|buffer"):
        ubjson.read(data)
