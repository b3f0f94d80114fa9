"""Gradient-boosted trees by XGBoost: streamed, deterministic, and resumable to the same bytes.

Training goes in chunks of ``checkpoint_every`` rounds (later ones a quarter of the rounds so far), and each chunk
starts from the saved bytes of the one before, killed or not: whatever XGBoost keeps only in memory is lost in both
cases alike. With ``seed_per_iteration`` the random draws of a round depend on its number alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop import digest
from airloop.errors import BundleError, TrainingError
from airloop.trainers import checkpoint, libraries
from airloop.trainers.library import xgboost
from airloop.trainers.parameters import (
    check_with_xgboost,
    first_line,
    more_is_better,
    parameters,
    watched_metric,
    with_constraints,
)
from airloop.trainers.protocol import Fitted, Floats, Rows, TrainingData

if TYPE_CHECKING:
    from airloop.spec.model import Model

log = logging.getLogger(__name__)

_MODEL_FILE = "model.ubj"
_LOG_EVERY = 50
_LEFT_OUT = 10  # A replicate leaves out one row in this many.


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

    def fit(self, data: TrainingData, model: Model, checkpoints: Path) -> Fitted:
        params = self._parameters(data, model, model.seed)
        train, watch = self._load_matrices(data, model, checkpoints)
        run = _Run(params, train, watch, model, model.rounds, model.checkpoint_every, checkpoints / "main")
        booster, history = run.train()
        if not history:
            return XGBoostModel(booster)
        best = _first_rounds(booster, run.best(history) + 1)
        return XGBoostModel(best, (watched_metric(model), tuple(history)))

    def fit_replicate(self, data: TrainingData, model: Model, number: int, fitted: Fitted, checkpoints: Path) -> Fitted:
        # The rows left out weigh nothing in the matrix that is already there, so a replicate costs boosting alone.
        seed = _replicate_seed(model.seed, number)
        train, _ = self._load_matrices(data, model, checkpoints)
        train.set_weight(_kept(data.fit.row_hash, seed))
        try:
            params = self._parameters(data, model, seed)
            # One chunk: every start predicts all rows anew, and a killed replicate costs no more than itself.
            chunk = fitted.rounds
            run = _Run(params, train, None, model, fitted.rounds, chunk, checkpoints / f"replicate-{number}")
            booster, _ = run.train()
        finally:
            train.set_weight(np.ones(len(data.fit), dtype=np.float32))
        return XGBoostModel(_first_rounds(booster, fitted.rounds))

    def load(self, folder: Path, threads: int = 1) -> Fitted:
        try:
            return XGBoostModel(xgboost.Booster({"nthread": threads}, model_file=folder / _MODEL_FILE))
        except xgboost.core.XGBoostError as error:
            raise BundleError(f"{folder / _MODEL_FILE} cannot be read: {first_line(error)}") from error

    def _parameters(self, data: TrainingData, model: Model, seed: int) -> dict[str, Any]:
        return with_constraints(parameters(model, data.classes, seed), data.features)

    def _load_matrices(
        self, data: TrainingData, model: Model, folder: Path
    ) -> tuple[xgboost.DMatrix, xgboost.DMatrix | None]:
        if self._matrices is None or self._matrices[0] is not data:
            types = ["c" if is_categorical else "q" for is_categorical in data.categorical]
            train = _matrix(data.fit, types, model, folder, None)
            watch = _matrix(data.watch, types, model, folder, train) if data.watch is not None else None
            self._matrices = data, train, watch
        return self._matrices[1:]


class _Run:
    """One sequence of rounds, in chunks that each begin from saved bytes."""

    def __init__(
        self,
        params: dict[str, Any],
        train: xgboost.DMatrix,
        watch: xgboost.DMatrix | None,
        model: Model,
        rounds: int,
        chunk: int,
        folder: Path,
    ) -> None:
        self._params, self._train, self._watch = params, train, watch
        self._model, self._rounds, self._folder = model, rounds, folder
        self._chunk = chunk

    def train(self) -> tuple[xgboost.Booster, list[float]]:
        """Return the booster after the last round tried, and the watched metric after each round."""
        booster, history = self._start()
        while booster.num_boosted_rounds() < self._rounds and not self._is_over(history):
            self._advance(booster, history)
            packed = checkpoint.pack(booster, history)
            checkpoint.write(self._folder, packed)
            booster, history = self._open(packed)
        return booster, history

    def best(self, history: list[float]) -> int:
        """Return the first round with the best value, from 0."""
        values = np.array(history)
        return int(np.argmax(values) if more_is_better(watched_metric(self._model)) else np.argmin(values))

    def _start(self) -> tuple[xgboost.Booster, list[float]]:
        packed = checkpoint.read(self._folder)
        if packed is None:
            return self._open(None)
        try:
            booster, history = self._open(packed)
        except (xgboost.core.XGBoostError, ValueError) as error:
            log.warning("beginning again: the checkpoint in %s cannot be read: %s", self._folder, first_line(error))
            return self._open(None)
        log.info("going on after round %d from the checkpoint in %s", booster.num_boosted_rounds(), self._folder)
        return booster, history

    def _open(self, packed: bytes | None) -> tuple[xgboost.Booster, list[float]]:
        cache = [self._train, *([self._watch] if self._watch is not None else [])]
        booster = xgboost.Booster(self._params, cache, model_file=bytearray(packed) if packed else None)
        return booster, checkpoint.unpack(booster)

    def _advance(self, booster: xgboost.Booster, history: list[float]) -> None:
        start = booster.num_boosted_rounds()
        # A new start predicts all rows with all trees so far: growing chunks keep that linear in the rounds.
        end = start + max(self._chunk, start // 4)
        for number in range(start, min(end, self._rounds)):
            try:
                booster.update(self._train, number)
                if self._watch is not None:
                    text = booster.eval_set([(self._watch, "watch")], number)
                    history.append(float(text.rpartition(":")[2]))
            except xgboost.core.XGBoostError as error:
                raise TrainingError(f"XGBoost failed in round {number + 1}: {first_line(error)}") from error
            if (number + 1) % _LOG_EVERY == 0:
                self._report(number + 1, history)
            if self._is_over(history):
                return

    def _is_over(self, history: list[float]) -> bool:
        patience = self._model.early_stopping
        return bool(history and patience and len(history) - 1 - self.best(history) >= patience)

    def _report(self, rounds: int, history: list[float]) -> None:
        if not history:
            log.info("round %d of %d", rounds, self._rounds)
            return
        best = self.best(history)
        metric = watched_metric(self._model)
        log.info(
            "round %d of at most %d: %s %.5f on the later rows, best %.5f after round %d",
            *(rounds, self._rounds, metric, history[-1], history[best], best + 1),
        )


class _Batches(xgboost.DataIter):  # type: ignore[misc]  # xgboost has no types here
    """Hands rows to XGBoost batch by batch, as often as it asks."""

    def __init__(self, rows: Rows, types: list[str], cache_prefix: str | None) -> None:
        self._rows, self._types = rows, types
        self._left: Iterator[tuple[Floats, Floats]] = iter(())
        super().__init__(cache_prefix=cache_prefix)

    def next(self, input_data: Any) -> bool:
        batch = next(self._left, None)
        if batch is None:
            return False
        matrix, label = batch
        input_data(data=matrix, label=label, feature_types=self._types)
        return True

    def reset(self) -> None:
        self._left = self._rows.batches()


def _matrix(
    rows: Rows, types: list[str], model: Model, folder: Path, reference: xgboost.DMatrix | None
) -> xgboost.DMatrix:
    is_large = len(rows) > model.external_memory_above
    folder.mkdir(parents=True, exist_ok=True)
    batches = _Batches(rows, types, str(folder / "pages") if is_large else None)
    kind = xgboost.ExtMemQuantileDMatrix if is_large else xgboost.QuantileDMatrix
    try:
        return kind(batches, max_bin=model.params.get("max_bin", 256), ref=reference, nthread=model.threads)
    except xgboost.core.XGBoostError as error:
        raise TrainingError(f"XGBoost refused {len(rows)} rows: {first_line(error)}") from error


def _first_rounds(booster: xgboost.Booster, rounds: int) -> xgboost.Booster:
    return booster[:rounds] if rounds < booster.num_boosted_rounds() else booster


def _replicate_seed(seed: int, number: int) -> int:
    return int(digest.of_value(["replicate", seed, number])[:7], 16)


def _kept(row_hash: np.ndarray[Any, np.dtype[np.uint64]], seed: int) -> Floats:
    """Return weight 0 for a tenth of the rows, 1 for the others, shape (n,)."""
    mixed = (row_hash ^ np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    kept: Floats = ((mixed >> np.uint64(33)) % np.uint64(_LEFT_OUT) != 0).astype(np.float32)
    return kept
