"""What one worker does with its share of the rows: takes them, quantises them, and boosts with the others.

Everything here runs in a worker's process, sent there by ``distributed_members``. A process serves one training.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop.errors import TrainingError
from airloop.trainers.checkpoint import Checkpoints
from airloop.trainers.library import xgboost
from airloop.trainers.matrices import quantile_matrix
from airloop.trainers.protocol import Draws, Floats, Rows
from airloop.trainers.replicates import weights_without_a_tenth
from airloop.trainers.rounds import Rounds

if TYPE_CHECKING:
    from airloop.spec.model import Model

CHUNK_TIMEOUT_S = 300
"""Longest wait of a worker for the others, while a group forms and at each exchange."""


class PeerLost(Exception):
    """Another worker of the group does not answer any more."""


@dataclass(frozen=True)
class Order:
    """One sequence of rounds: what ``Rounds`` is made of, less the rows."""

    name: str
    params: dict[str, Any]
    types: tuple[str, ...]
    """``c`` for a column of categories, ``q`` for numbers."""
    model: Model
    chunk: int
    """Rounds in a chunk, at least."""
    left_out: int | None = None
    """Seed of the tenth of rows that weigh nothing; None weighs all alike."""


class _Part:
    """Rows that arrive batch by batch; the matrix lies on disk."""

    def __init__(self, file: Path) -> None:
        self._file, self._columns = file, 0
        self._labels: list[Floats] = []
        self._hashes: list[Draws] = []

    def add(self, matrix: Floats, label: Floats, row_hash: Draws) -> None:
        self._columns = matrix.shape[1]
        self._labels.append(np.array(label))
        self._hashes.append(np.array(row_hash))
        with self._file.open("ab") as stream:
            np.ascontiguousarray(matrix, dtype=np.float32).tofile(stream)

    def rows(self) -> Rows:
        label, hashes = np.concatenate(self._labels), np.concatenate(self._hashes)
        matrix = np.memmap(self._file, dtype=np.float32, mode="r", shape=(len(label), self._columns))
        return Rows(matrix, label, hashes)


@dataclass
class _Share:
    folder: Path
    parts: dict[str, _Part] = field(default_factory=dict)
    hashes: Draws = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    matrices: tuple[xgboost.DMatrix, xgboost.DMatrix | None] | None = None
    tracker: Any = None


_shares: list[_Share] = []


def _share() -> _Share:
    if not _shares:
        _shares.append(_Share(Path(tempfile.mkdtemp(prefix="airloop-rows-"))))
    return _shares[0]


def take(part: str, matrix: Floats, label: Floats, row_hash: Draws) -> int:
    """Add a batch to ``part``, ``fit`` or ``watch``; return its rows."""
    share = _share()
    if part not in share.parts:
        share.parts[part] = _Part(share.folder / f"{part}.f32")
    share.parts[part].add(matrix, label, row_hash)
    return len(label)


def meet(workers: int, host: str) -> dict[str, Any]:
    """Open the meeting point of ``workers`` at this worker's ``host``; return what each needs to come to it.

    It lives in a worker and not in the training's own process, which so has no thread of it that could outlive a group
    of which somebody died.
    """
    from xgboost.tracker import RabitTracker

    tracker = RabitTracker(n_workers=workers, host_ip=host, sortby="task", timeout=CHUNK_TIMEOUT_S)
    tracker.start()
    _share().tracker = tracker
    return {**tracker.worker_args(), "dmlc_timeout": CHUNK_TIMEOUT_S}


def advance(number: int, order: Order, meeting: dict[str, Any], packed: bytes | None) -> bytes | None:
    """Boost a chunk of rounds, from ``packed`` on, together with the others; worker 0 returns the bytes after it.

    Raises TrainingError for what a single machine would refuse as well, PeerLost where another worker died.
    """
    from xgboost import collective

    try:
        collective.init(**meeting, dmlc_task_id=f"{number:05}")
        train, watch = _matrices(order)
        _weigh(train, order.left_out)
        rounds = Rounds(order.params, train, watch, order.model, order.chunk, Checkpoints(_share().folder), order.name)
        result = rounds.next_chunk(packed)
        # Left only where all went well: taking leave waits for the others.
        collective.finalize()
    except (xgboost.core.XGBoostError, TrainingError) as error:
        if _is_of_the_group(error):
            raise PeerLost(str(error.__cause__ or error)) from None
        raise
    return result if number == 0 else None


def _matrices(order: Order) -> tuple[xgboost.DMatrix, xgboost.DMatrix | None]:
    share = _share()
    if share.matrices is None:
        rows = {part: found.rows() for part, found in share.parts.items()}
        types = list(order.types)
        train = quantile_matrix(rows["fit"], types, order.model, share.folder, None)
        has_watch = "watch" in rows
        watch = quantile_matrix(rows["watch"], types, order.model, share.folder, train) if has_watch else None
        share.hashes, share.matrices = rows["fit"].row_hash, (train, watch)
    return share.matrices


def _weigh(train: xgboost.DMatrix, seed: int | None) -> None:
    hashes = _share().hashes
    weights = np.ones(len(hashes), dtype=np.float32) if seed is None else weights_without_a_tenth(hashes, seed)
    train.set_weight(weights)


def _is_of_the_group(error: Exception) -> bool:
    """Return whether XGBoost failed in its exchange with the other workers."""
    text = f"{error} {error.__cause__ or ''}"
    return any(word in text for word in ("collective/", "rabit", "Rabit", "allreduce", "Allreduce", "socket"))
