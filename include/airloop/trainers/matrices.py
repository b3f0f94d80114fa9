"""Rows for XGBoost: handed over batch by batch, kept quantised, in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop.errors import TrainingError
from airloop.trainers.library import xgboost
from airloop.trainers.parameters import first_line
from airloop.trainers.protocol import Floats, Rows

if TYPE_CHECKING:
    from airloop.spec.model import Model


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


def quantile_matrix(
    rows: Rows, types: list[str], model: Model, folder: Path, reference: xgboost.DMatrix | None
) -> xgboost.DMatrix:
    is_large = len(rows) > model.external_memory_above
    folder.mkdir(parents=True, exist_ok=True)
    batches = _Batches(rows, types, str(folder / "pages") if is_large else None)
    kind = xgboost.ExtMemQuantileDMatrix if is_large else xgboost.QuantileDMatrix
    try:
        return kind(batches, max_bin=int(model.params.get("max_bin", 256)), ref=reference, nthread=model.threads)
    except xgboost.core.XGBoostError as error:
        raise TrainingError(f"XGBoost refused {len(rows)} rows: {first_line(error)}") from error
