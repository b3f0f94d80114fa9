"""The workers of one training, as the training sees them: asked for chunks, replaced where they are lost."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING

from airloop.errors import TrainingError
from airloop.trainers.distributed_members import Members, WorkerLost, present

if TYPE_CHECKING:
    from airloop.trainers.distributed_member import Order
    from airloop.trainers.distributed_workers import Workers
    from airloop.trainers.protocol import TrainingData

log = logging.getLogger(__name__)

MOST_LOST = 2
"""Times that a training goes on after it lost workers."""


class Group:
    """``number`` workers that hold a share of ``data`` each; started, and started anew, when they are needed."""

    def __init__(self, workers: Workers, number: int, data: TrainingData, *, whole_watch: bool) -> None:
        self._workers, self._number, self._data, self._whole_watch = workers, number, data, whole_watch
        self._lost = 0
        self._open = ExitStack()
        self._members: Members | None = None

    def __enter__(self) -> Group:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def advance(self, order: Order, packed: bytes | None) -> bytes:
        """Return the bytes of the chunk after ``packed``, from all workers together.

        Lost workers are replaced and the chunk begun again, ``MOST_LOST`` times in a training; then TrainingError.
        """
        while True:
            try:
                if self._members is None:
                    self._members = self._open.enter_context(present(self._workers, self._number))
                    self._members.give(self._data, self._whole_watch)
                return self._members.advance(order, packed)
            except WorkerLost as lost:
                self._open.close()
                self._members = None
                self._count(lost)

    def _count(self, lost: WorkerLost) -> None:
        if self._lost == MOST_LOST:
            raise TrainingError(
                f"training on {self._number} workers lost some {MOST_LOST + 1} times, the last time: {lost}. Give them "
                "more memory, or lower model.workers; a retry goes on from the last checkpoint"
            ) from lost
        self._lost += 1
        log.warning("%s; going on from the last checkpoint with new workers", lost)
