"""One file that a killed training goes on from: the model so far, with the watched metric's history inside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xgboost

_FILE = "checkpoint.ubj"
_HISTORY = "airloop_history"


def pack(booster: xgboost.Booster, history: list[float]) -> bytes:
    """Return the model's bytes with ``history`` in it; every float survives exactly."""
    booster.set_attr(**{_HISTORY: json.dumps(history)})
    return bytes(booster.save_raw("ubj"))


def unpack(booster: xgboost.Booster) -> list[float]:
    """Take the history out of a model that was loaded from ``pack``."""
    history: list[float] = json.loads(booster.attr(_HISTORY) or "[]")
    booster.set_attr(**{_HISTORY: None})
    return history


def write(folder: Path, packed: bytes) -> None:
    """Replace the checkpoint; a kill at any moment leaves the old one or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f"{_FILE}.{os.getpid()}"
    with scratch.open("wb") as stream:
        stream.write(packed)
        stream.flush()
        os.fsync(stream.fileno())
    scratch.replace(folder / _FILE)


def read(folder: Path) -> bytes | None:
    """Return the latest checkpoint, or None where training has not come that far."""
    try:
        return (folder / _FILE).read_bytes()
    except FileNotFoundError:
        return None
