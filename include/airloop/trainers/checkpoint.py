"""What a killed training goes on from: the model so far, with the watched metric's history inside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xgboost

_HISTORY = "airloop_history"


class Checkpoints:
    """One checkpoint for each name, in ``folder`` on this machine; what else is there may be lost."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, name: str) -> str:
        """Return where the checkpoint lies, for messages."""
        return str(self.folder / file_of(name))

    def read(self, name: str) -> bytes | None:
        """Return the latest checkpoint, or None where training has not come that far."""
        try:
            return (self.folder / file_of(name)).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, packed: bytes) -> None:
        """Replace the checkpoint; a kill at any moment leaves the old one or the new one."""
        file = self.folder / file_of(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_name(f"{file.name}.{os.getpid()}")
        with scratch.open("wb") as stream:
            stream.write(packed)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(file)


def file_of(name: str) -> str:
    """Return the checkpoint's path in its folder."""
    return f"{name}/checkpoint.ubj"


def pack(booster: xgboost.Booster, history: list[float]) -> bytes:
    """Return the model's bytes with ``history`` in it; every float survives exactly."""
    booster.set_attr(**{_HISTORY: json.dumps(history)})
    return bytes(booster.save_raw("ubj"))


def unpack(booster: xgboost.Booster) -> list[float]:
    """Take the history out of a model that was loaded from ``pack``."""
    history: list[float] = json.loads(booster.attr(_HISTORY) or "[]")
    booster.set_attr(**{_HISTORY: None})
    return history
