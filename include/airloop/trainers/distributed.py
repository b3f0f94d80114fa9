"""XGBoost on several workers: their own share of the rows each, one model, the same rounds and checkpoints.

The rounds are those of ``rounds.Rounds``, run by every worker on its rows; XGBoost adds up their histograms. What a
chunk begins and ends with are the same bytes as on one machine, so that a training may change its workers in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from airloop.errors import TrainingError
from airloop.trainers.boosting import XGBoostTrainer, kept
from airloop.trainers.distributed_group import Group
from airloop.trainers.distributed_member import Order
from airloop.trainers.distributed_workers import Workers
from airloop.trainers.library import xgboost
from airloop.trainers.parameters import is_a_mean, watched_metric
from airloop.trainers.protocol import Fitted, TrainingData
from airloop.trainers.replicates import replicate_seed
from airloop.trainers.rounds import Rounds

if TYPE_CHECKING:
    from airloop.spec.model import Model
    from airloop.trainers.checkpoint import Checkpoints


class _SpreadRounds(Rounds):
    """Rounds whose chunks a group makes; here are only their results."""

    def __init__(self, group: Group, order: Order, model: Model, checkpoints: Checkpoints) -> None:
        # A row without values, so that XGBoost knows how many features there are.
        columns = xgboost.DMatrix(np.full((1, len(order.types)), np.nan, dtype=np.float32), label=[0.0])
        super().__init__(order.params, columns, None, model, order.chunk, checkpoints, order.name)
        self._group, self._order = group, order
        self._packed: bytes | None = None

    def _open(self, packed: bytes | None) -> tuple[xgboost.Booster, list[float]]:
        self._packed = packed
        return super()._open(packed)

    def _following(self, booster: xgboost.Booster, history: list[float]) -> bytes:
        packed = self._group.advance(self._order, self._packed)
        booster, history = super()._open(packed)
        self._report(booster.num_boosted_rounds(), history)
        return packed


class SpreadTrainer(XGBoostTrainer):
    """Trees fitted by ``model.workers`` workers.

    ``fit`` fits the replicates as well, while the workers have the rows, and ``fit_replicate`` gives them.
    """

    def __init__(self, workers: Workers) -> None:
        super().__init__()
        self._workers = workers
        self._replicates: dict[int, Fitted] = {}

    def check(self, model: Model) -> None:
        super().check(model)
        device = str(model.params.get("device", "cpu"))
        if device != "cpu":
            raise TrainingError(f"model.params.device: {device!r} fits on one machine; set model.workers: 1, or 'cpu'")

    def fit(self, data: TrainingData, model: Model, checkpoints: Checkpoints) -> Fitted:
        with self._group(data, model) as group:
            fitted = self._spread(group, self._order(data, model, None), model, checkpoints)
            for number in range(model.replicates):
                self._replicates[number] = self._spread(group, self._order(data, model, number), model, checkpoints)
        return fitted

    def fit_replicate(self, data: TrainingData, model: Model, number: int, checkpoints: Checkpoints) -> Fitted:
        if number not in self._replicates:
            with self._group(data, model) as group:
                return self._spread(group, self._order(data, model, number), model, checkpoints)
        return self._replicates.pop(number)

    def _group(self, data: TrainingData, model: Model) -> Group:
        if len(data.fit) < model.workers:
            raise TrainingError(f"model.workers: {model.workers} workers for {len(data.fit)} rows; at most one a row")
        # Of a metric that is no mean over rows XGBoost would give the mean of the workers' own.
        few = data.watch is not None and len(data.watch) < model.workers
        return Group(self._workers, model.workers, data, whole_watch=few or not is_a_mean(watched_metric(model)))

    def _order(self, data: TrainingData, model: Model, replicate: int | None) -> Order:
        types = tuple("c" if is_categorical else "q" for is_categorical in data.categorical)
        if replicate is None:
            return Order("main", self._parameters(data, model, model.seed), types, model, model.checkpoint_every)
        seed = replicate_seed(model.seed, replicate)
        params = self._parameters(data, model, seed)
        return Order(f"replicate-{replicate}", params, types, model, model.rounds, seed)

    def _spread(self, group: Group, order: Order, model: Model, checkpoints: Checkpoints) -> Fitted:
        return kept(_SpreadRounds(group, order, model, checkpoints), model)
