"""Trainers, found by name or by dotted path. Importing this package imports no machine-learning library."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

from airloop.errors import BundleError, TrainingError, nearest

if TYPE_CHECKING:
    from airloop.trainers.distributed_workers import Workers
    from airloop.trainers.protocol import Fitted, Trainer

_BY_NAME = {"xgboost": "airloop.trainers.boosting.XGBoostTrainer"}
_LIBRARIES = {"xgboost": ("xgboost",)}
_NAME_FILE = "trainer.json"


def find(name: str) -> Trainer:
    """Return a new trainer by name or dotted path. Raises TrainingError with the nearest name where there is none."""
    path = _BY_NAME.get(name, name)
    module, _, attribute = path.rpartition(".")
    if not module:
        hint = nearest(name, _BY_NAME)
        raise TrainingError(f"model.trainer: unknown {name!r}.{hint} Or give a dotted path: package.module.Class")
    try:
        return cast("Trainer", getattr(importlib.import_module(module), attribute)())
    except (ImportError, AttributeError) as error:
        raise TrainingError(f"model.trainer: {name!r} cannot be loaded: {error}.{nearest(name, _BY_NAME)}") from error


def spread(name: str, workers: Workers) -> Trainer:
    """Return a new trainer that fits on ``workers``. Raises TrainingError where a trainer cannot."""
    if name != "xgboost":
        raise TrainingError(f"model.workers: trainer {name!r} fits in one process; set 1, or model.trainer: xgboost")
    from airloop.trainers.distributed import SpreadTrainer

    return SpreadTrainer(workers)


def libraries(name: str) -> tuple[str, ...]:
    """Return the distributions whose versions change what the trainer makes; Airloop's own are not imported for it."""
    return _LIBRARIES[name] if name in _LIBRARIES else find(name).libraries


def save(fitted: Fitted, name: str, folder: Path) -> None:
    """Write the model's native files and ``trainer.json``, which tells ``load`` who can read them."""
    folder.mkdir(parents=True, exist_ok=True)
    fitted.save(folder)
    (folder / _NAME_FILE).write_text(json.dumps({"trainer": name}), encoding="utf-8")


def load(folder: Path, threads: int = 1) -> Fitted:
    """Return the model that ``save`` wrote. Raises BundleError when the folder does not hold one."""
    try:
        name = json.loads((folder / _NAME_FILE).read_text(encoding="utf-8"))["trainer"]
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{folder} holds no model: {_NAME_FILE} cannot be read: {error}") from error
    return find(name).load(folder, threads)
