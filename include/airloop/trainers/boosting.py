"""Gradient-boosted trees by XGBoost: streamed, deterministic, and resumable to the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop.errors import BundleError
from airloop.trainers import libraries
from airloop.trainers.library import xgboost
from airloop.trainers.matrices import quantile_matrix
from airloop.trainers.parameters import check_with_xgboost, first_line, parameters, watched_metric, with_constraints
from airloop.trainers.protocol import Fitted, Floats, TrainingData
from airloop.trainers.replicates import replicate_seed, weights_without_a_tenth
from airloop.trainers.rounds import Rounds

if TYPE_CHECKING:
    from airloop.spec.model import Model
    from airloop.trainers.checkpoint import Checkpoints

_MODEL_FILE = "model.ubj"


class XGBoostModel:
    """A fitted booster."""

    def __init__(self, booster: xgboost.Booster, watched: tuple[str, tuple[float, ...]] = ("", ())) -> None:
        self.booster = booster
        self.watched = watched

    @property
    def rounds(self) -> int:
        return int(self.booster.num_boosted_rounds())

    def predict(self, matrix: Floats) -> np.ndarray[Any, np.dtype[np.float64]]:
        if len(matrix) == 0:
            # XGBoost refuses an empty matrix; one row tells the answer's shape.
            return self.predict(np.full((1, matrix.shape[1]), np.nan, dtype=np.float32))[:0]
        return np.asarray(self.booster.inplace_predict(matrix), dtype=np.float64)

    def save(self, folder: Path) -> None:
        self.booster.save_model(folder / _MODEL_FILE)

    def importance(self, names: Sequence[str]) -> dict[str, float]:
        gains = self.booster.get_score(importance_type="total_gain")
        total = sum(gains.values()) or 1.0
        return {name: float(gains.get(f"f{number}", 0.0)) / total for number, name in enumerate(names)}


class XGBoostTrainer:
    """Binary, multiclass and regression trees with native categories."""

    libraries = libraries("xgboost")

    def __init__(self) -> None:
        self._matrices: tuple[TrainingData, xgboost.DMatrix, xgboost.DMatrix | None] | None = None

    def check(self, model: Model) -> None:
        check_with_xgboost(parameters(model, 2, model.seed))

    def fit(self, data: TrainingData, model: Model, checkpoints: Checkpoints) -> Fitted:
        return self._fit(data, model, model.seed, model.checkpoint_every, checkpoints, "main")

    def fit_replicate(self, data: TrainingData, model: Model, number: int, checkpoints: Checkpoints) -> Fitted:
        # The rows left out weigh nothing in the matrix that is already there, so a replicate costs boosting alone.
        seed = replicate_seed(model.seed, number)
        train, _ = self._load_matrices(data, model, checkpoints.folder)
        train.set_weight(weights_without_a_tenth(data.fit.row_hash, seed))
        try:
            # One chunk: every start predicts all rows anew, and a killed replicate costs no more than itself.
            return self._fit(data, model, seed, model.rounds, checkpoints, f"replicate-{number}")
        finally:
            train.set_weight(np.ones(len(data.fit), dtype=np.float32))

    def load(self, folder: Path, threads: int = 1) -> Fitted:
        try:
            return XGBoostModel(xgboost.Booster({"nthread": threads}, model_file=folder / _MODEL_FILE))
        except xgboost.core.XGBoostError as error:
            raise BundleError(f"{folder / _MODEL_FILE} cannot be read: {first_line(error)}") from error

    def _fit(
        self, data: TrainingData, model: Model, seed: int, chunk: int, checkpoints: Checkpoints, name: str
    ) -> Fitted:
        train, watch = self._load_matrices(data, model, checkpoints.folder)
        run = Rounds(self._parameters(data, model, seed), train, watch, model, chunk, checkpoints, name)
        return kept(run, model)

    def _parameters(self, data: TrainingData, model: Model, seed: int) -> dict[str, Any]:
        return with_constraints(parameters(model, data.classes, seed), data.features)

    def _load_matrices(
        self, data: TrainingData, model: Model, folder: Path
    ) -> tuple[xgboost.DMatrix, xgboost.DMatrix | None]:
        if self._matrices is None or self._matrices[0] is not data:
            types = ["c" if is_categorical else "q" for is_categorical in data.categorical]
            train = quantile_matrix(data.fit, types, model, folder, None)
            watch = quantile_matrix(data.watch, types, model, folder, train) if data.watch is not None else None
            self._matrices = data, train, watch
        return self._matrices[1:]


def kept(run: Rounds, model: Model) -> XGBoostModel:
    """Train, and return the rounds up to the best one; all of them where none is watched."""
    booster, history = run.train()
    if not history:
        return XGBoostModel(booster)
    best = _first_rounds(booster, run.best(history) + 1)
    return XGBoostModel(best, (watched_metric(model), tuple(history)))


def _first_rounds(booster: xgboost.Booster, rounds: int) -> xgboost.Booster:
    return booster[:rounds] if rounds < booster.num_boosted_rounds() else booster
