"""XGBoost parameters: what the user may set, what the spec sets, and errors before any row is read."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop.errors import TrainingError, nearest

if TYPE_CHECKING:
    from airloop.spec.model import Model

_SET_BY_SPEC = {
    "nthread": "model.threads",
    "n_jobs": "model.threads",
    "seed": "model.seed",
    "random_state": "model.seed",
    "seed_per_iteration": "it is always on, so that a resumed training gives the same bytes",
    "num_boost_round": "model.rounds",
    "n_estimators": "model.rounds",
    "early_stopping_rounds": "model.early_stopping",
    "num_class": "it is counted from the label",
    "disable_default_eval_metric": "early stopping needs its metric",
    "process_type": "models are always trained from nothing",
    "updater": "tree_method decides it",
    "validate_parameters": "it is always on",
    "verbosity": "the logging configuration",
    "enable_categorical": "it is always on",
    "feature_types": "the features' own types decide it",
    "missing": "missing values are always NaN",
}
_OBJECTIVES = {
    "binary": ("binary:logistic",),
    "multiclass": ("multi:softprob",),
    "regression": (
        "reg:squarederror",
        "reg:absoluteerror",
        "reg:gamma",
        "reg:pseudohubererror",
        "reg:squaredlogerror",
        "reg:tweedie",
        "count:poisson",
    ),
}
_WATCHED = {"binary": "logloss", "multiclass": "mlogloss", "regression": "rmse"}
_OF_THE_ORDER = ("auc", "aucpr", "map", "ndcg", "pre")
"""Metrics of the order of rows: more is better, and none is a sum over rows. Of all others neither is so."""
_ALIASES = ("base_score", "device", "eval_metric", "huber_slope", "max_bin", "objective", "scale_pos_weight")
_NOT_FOR_USERS = ("generic_param", "gbtree_model_param", "learner_model_param", "hist_train_param")


def parameters(model: Model, classes: int, seed: int) -> dict[str, Any]:
    """Return all parameters of a fit; ``classes`` is the number of labels of a multiclass task, at least 2.

    Raises TrainingError for a parameter that the spec sets elsewhere or that contradicts the task.
    """
    for name, instead in _SET_BY_SPEC.items():
        if name in model.params:
            hint = f"set {instead} instead" if instead.startswith("model.") else instead
            raise TrainingError(f"model.params.{name} cannot be set: {hint}")
    allowed = _OBJECTIVES[model.task]
    objective = model.params.get("objective", allowed[0])
    if objective not in allowed:
        raise TrainingError(
            f"model.params.objective: {objective!r} does not fit task {model.task!r}.{nearest(str(objective), allowed)}"
        )
    if model.params.get("booster", "gbtree") not in ("gbtree", "dart"):
        raise TrainingError(f"model.params.booster: {model.params['booster']!r} has no trees. Known: dart, gbtree.")
    fixed = {"seed": seed, "seed_per_iteration": True, "nthread": model.threads}
    fixed |= {"validate_parameters": True, "verbosity": 1}
    many = {"num_class": classes} if model.task == "multiclass" else {}
    chosen = {"objective": objective, "eval_metric": watched_metric(model), "tree_method": "hist"}
    return chosen | model.params | many | fixed


def watched_metric(model: Model) -> str:
    """Return the metric that early stopping watches, in XGBoost's name."""
    metric = model.params.get("eval_metric", _WATCHED[model.task])
    if not isinstance(metric, str):
        raise TrainingError(f"model.params.eval_metric: {metric!r} must be one name; early stopping watches one metric")
    return metric


def more_is_better(metric: str) -> bool:
    """Return whether a larger value of XGBoost's ``metric`` is the better one."""
    return metric.partition("@")[0] in _OF_THE_ORDER


def is_a_mean(metric: str) -> bool:
    """Return whether XGBoost's ``metric`` is made of sums over rows, which workers can add up."""
    return metric.partition("@")[0] not in _OF_THE_ORDER


def with_constraints(params: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return ``params`` with features in constraints given by index instead of by name."""
    places = {name: place for place, name in enumerate(names)}

    def place(name: str) -> int:
        if name not in places:
            raise TrainingError(f"model.params: constraint on unknown feature {name!r}.{nearest(name, names)}")
        return places[name]

    result = dict(params)
    monotone = params.get("monotone_constraints")
    if isinstance(monotone, Mapping):
        signs = {place(name): int(sign) for name, sign in monotone.items()}
        result["monotone_constraints"] = f"({','.join(str(signs.get(number, 0)) for number in range(len(names)))})"
    groups = params.get("interaction_constraints")
    if isinstance(groups, list):
        result["interaction_constraints"] = json.dumps([[place(name) for name in group] for group in groups])
    return result


def check_with_xgboost(params: Mapping[str, Any]) -> None:
    """Let XGBoost judge ``params`` on two rows. Raises TrainingError naming the parameter and the nearest known one."""
    from airloop.trainers.library import xgboost

    plain = {name: value for name, value in params.items() if not name.endswith("_constraints")}
    rows = xgboost.DMatrix(np.array([[0.0], [1.0]], dtype=np.float32), label=np.array([0.0, 1.0]), nthread=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            config = xgboost.Booster(plain, [rows]).save_config()
        except (xgboost.core.XGBoostError, TypeError, ValueError) as error:
            raise TrainingError(f"model.params: {first_line(error)}") from error
    unused = [name for warning in caught for name in _unused(str(warning.message))]
    if unused:
        raise TrainingError(f"model.params: unknown parameter {unused[0]!r}.{nearest(unused[0], _known(config))}")


def first_line(error: Exception) -> str:
    """Return the part of an XGBoost error that a person can use, without its C++ stack."""
    text = re.sub(r"^\[[\d:]+\] \S+\.(?:cc|cu|h|cuh):\d+:\s*", "", str(error).partition("Stack trace")[0])
    return " ".join(text.split())


def _unused(message: str) -> list[str]:
    found = re.search(r"Parameters: \{(.*?)\} are not used", message, re.DOTALL)
    return re.findall(r'"([^"]+)"', found[1]) if found else []


def _known(config: str) -> set[str]:
    """Return all parameter names in XGBoost's own configuration, less those the user may not set."""
    found = set(_ALIASES)

    def walk(value: Any, key: str) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                if key.endswith("_param") and key not in _NOT_FOR_USERS and not isinstance(inner, dict):
                    found.add(name)
                walk(inner, name)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, key)

    walk(json.loads(config), "")
    return found - set(_SET_BY_SPEC)
