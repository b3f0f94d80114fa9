"""Trainers: by name, from a file of the pipeline, or by dotted path. Importing this imports none of their libraries."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from airloop.code.sources import write_sources
from airloop.errors import BundleError, TrainingError, nearest

if TYPE_CHECKING:
    from airloop.trainers.distributed_workers import Workers
    from airloop.trainers.own import OwnTrainer
    from airloop.trainers.protocol import Fitted, Trainer

_BY_NAME = {"xgboost": "airloop.trainers.boosting.XGBoostTrainer"}
_LIBRARIES = {"xgboost": ("xgboost",)}
_NAME_FILE = "trainer.json"
_CODE_FOLDER = "trainer"


def find(name: str, folder: Path | None = None) -> Trainer:
    """Return a new trainer by name, by dotted path, or as ``file.py:Class`` of ``folder``.

    Raises TrainingError with the nearest name where there is none.
    """
    if folder is not None and ":" in name:
        return from_files(name, folder)
    path = _BY_NAME.get(name, name)
    module, _, attribute = path.rpartition(".")
    if not module or ":" in name:
        hint = nearest(name, _BY_NAME)
        raise TrainingError(f"model.trainer: unknown {name!r}.{hint} Or give file.py:Class of the pipeline's folder")
    try:
        return cast("Trainer", getattr(importlib.import_module(module), attribute)())
    except (ImportError, AttributeError) as error:
        raise TrainingError(f"model.trainer: {name!r} cannot be loaded: {error}.{nearest(name, _BY_NAME)}") from error


def from_files(name: str, folder: Path, sources: Mapping[str, bytes] | None = None) -> OwnTrainer:
    """Return the trainer ``file.py:Class`` of ``folder``; ``sources`` are its files where they were read before."""
    from airloop.trainers.own import OwnTrainer, sources_of

    return OwnTrainer(name, folder, sources_of(name, folder) if sources is None else sources)


def sources(name: str, folder: Path) -> dict[str, bytes]:
    """Return path → bytes of the files of a trainer ``file.py:Class``; none for others. Nothing is run."""
    from airloop.trainers.own import is_own, sources_of

    return sources_of(name, folder) if is_own(name) else {}


def spread(name: str, workers: Workers) -> Trainer:
    """Return a new trainer that fits on ``workers``. Raises TrainingError where a trainer cannot."""
    if name != "xgboost":
        raise TrainingError(f"model.workers: trainer {name!r} fits in one process; set 1, or model.trainer: xgboost")
    from airloop.trainers.distributed import SpreadTrainer

    return SpreadTrainer(workers)


def libraries(name: str, folder: Path | None = None) -> tuple[str, ...]:
    """Return the distributions whose versions change what the trainer makes; Airloop's own are not imported for it."""
    return _LIBRARIES[name] if name in _LIBRARIES else find(name, folder).libraries


def save(fitted: Fitted, name: str, folder: Path, code: Mapping[str, bytes] | None = None) -> None:
    """Write the model's native files and ``code``, and ``trainer.json``, which tells ``load`` who can read them."""
    folder.mkdir(parents=True, exist_ok=True)
    fitted.save(folder)
    if code:
        write_sources(folder / _CODE_FOLDER, code)
    (folder / _NAME_FILE).write_text(json.dumps({"trainer": name}), encoding="utf-8")


def load(folder: Path, threads: int = 1) -> Fitted:
    """Return the model that ``save`` wrote. Raises BundleError when the folder does not hold one."""
    return reader(folder).load(folder, threads)


def reader(folder: Path) -> Trainer:
    """Return the trainer that reads the model in ``folder``. Raises BundleError when the folder does not hold one."""
    try:
        name = json.loads((folder / _NAME_FILE).read_text(encoding="utf-8"))["trainer"]
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{folder} holds no model: {_NAME_FILE} cannot be read: {error}") from error
    try:
        return find(name, folder / _CODE_FOLDER)
    except TrainingError as error:
        raise BundleError(f"{folder}: its trainer cannot be loaded here: {error}") from error
