"""Boosting rounds in chunks that each begin from saved bytes, so that a killed training ends like any other.

Chunks have ``checkpoint_every`` rounds (later ones a quarter of the rounds so far), and each starts from the saved
bytes of the one before, killed or not: whatever XGBoost keeps only in memory is lost in both cases alike. With
``seed_per_iteration`` the random draws of a round depend on its number alone.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop.errors import TrainingError
from airloop.trainers import checkpoint
from airloop.trainers.library import xgboost
from airloop.trainers.parameters import first_line, more_is_better, watched_metric

if TYPE_CHECKING:
    from airloop.spec.model import Model
    from airloop.trainers.checkpoint import Checkpoints

log = logging.getLogger(__name__)

_LOG_EVERY = 50
_LOG_EVERY_UNWATCHED = 200


class Rounds:
    """One sequence of rounds, called ``name``, in chunks that each begin from saved bytes."""

    def __init__(
        self,
        params: dict[str, Any],
        train: xgboost.DMatrix,
        watch: xgboost.DMatrix | None,
        model: Model,
        chunk: int,
        checkpoints: Checkpoints,
        name: str,
    ) -> None:
        self._params, self._train, self._watch = params, train, watch
        self._model, self._rounds = model, model.rounds
        self._checkpoints, self._name = checkpoints, name
        self._chunk = chunk

    def train(self) -> tuple[xgboost.Booster, list[float]]:
        """Return the booster after the last round tried, and the watched metric after each round."""
        booster, history = self._start()
        while booster.num_boosted_rounds() < self._rounds and not self._is_over(history):
            packed = self._following(booster, history)
            self._checkpoints.write(self._name, packed)
            booster, history = self._open(packed)
        return booster, history

    def next_chunk(self, packed: bytes | None) -> bytes:
        """Return the bytes after the chunk that begins with ``packed``; no checkpoint is read or written."""
        return self._following(*self._open(packed))

    def best(self, history: list[float]) -> int:
        """Return the first round with the best value, from 0."""
        values = np.array(history)
        return int(np.argmax(values) if more_is_better(watched_metric(self._model)) else np.argmin(values))

    def _start(self) -> tuple[xgboost.Booster, list[float]]:
        packed = self._checkpoints.read(self._name)
        if packed is None:
            return self._open(None)
        try:
            booster, history = self._open(packed)
        except (xgboost.core.XGBoostError, ValueError) as error:
            log.warning("beginning again: the checkpoint in %s cannot be read: %s", self._place, first_line(error))
            return self._open(None)
        log.info("going on after round %d from the checkpoint in %s", booster.num_boosted_rounds(), self._place)
        return booster, history

    @property
    def _place(self) -> str:
        return self._checkpoints.place(self._name)

    def _open(self, packed: bytes | None) -> tuple[xgboost.Booster, list[float]]:
        cache = [self._train, *([self._watch] if self._watch is not None else [])]
        booster = xgboost.Booster(self._params, cache, model_file=bytearray(packed) if packed else None)
        return booster, checkpoint.unpack(booster)

    def _following(self, booster: xgboost.Booster, history: list[float]) -> bytes:
        self._advance(booster, history)
        return checkpoint.pack(booster, history)

    def _advance(self, booster: xgboost.Booster, history: list[float]) -> None:
        start = booster.num_boosted_rounds()
        # A new start predicts all rows with all trees so far: growing chunks keep that linear in the rounds.
        end = start + max(self._chunk, start // 4)
        for number in range(start, min(end, self._rounds)):
            try:
                booster.update(self._train, number)
                if self._watch is not None:
                    history.append(self._watched(booster, number))
            except xgboost.core.XGBoostError as error:
                raise TrainingError(f"XGBoost failed in round {number + 1}: {first_line(error)}") from error
            if (number + 1) % (_LOG_EVERY if history else _LOG_EVERY_UNWATCHED) == 0:
                self._report(number + 1, history)
            if self._is_over(history):
                return

    def _watched(self, booster: xgboost.Booster, number: int) -> float:
        value = float(booster.eval_set([(self._watch, "watch")], number).rpartition(":")[2])
        if not math.isfinite(value):
            raise TrainingError(
                f"{watched_metric(self._model)} is {value} on the later rows that early stopping watches: they do not "
                "define it. Choose another eval_metric, or watch more rows (model.early_stopping_share)"
            )
        return value

    def _is_over(self, history: list[float]) -> bool:
        patience = self._model.early_stopping
        return bool(history and patience and len(history) - 1 - self.best(history) >= patience)

    def _report(self, rounds: int, history: list[float]) -> None:
        if not history:
            log.info("%s: round %d of %d", self._name, rounds, self._rounds)
            return
        best = self.best(history)
        metric = watched_metric(self._model)
        log.info(
            "%s: round %d of at most %d: %s %.5f on the later rows, best %.5f after round %d",
            *(self._name, rounds, self._rounds, metric, history[-1], history[best], best + 1),
        )
