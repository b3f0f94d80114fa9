"""Answering one inference request: choose the version, read, predict, log, write."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop.errors import DataError, FeatureError
from airloop.serving.batch import Batch
from airloop.serving.refusal import Refusal
from airloop.serving.request import Request, read_id
from airloop.serving.slot import Slot

if TYPE_CHECKING:
    from airloop.serving.journal import Journal
    from airloop.serving.metrics import Metrics
    from airloop.serving.shadow import Shadow
    from airloop.serving.state import PipelineState

log = logging.getLogger(__name__)

Array = np.ndarray[Any, Any]
FEW_ROWS = 8
"""Requests with at most so many rows are answered together with others that are there."""
MANY_ROWS = 2_000
"""Requests with more rows are predicted in a thread, so that others go on being answered."""


class Inference:
    """Everything that answering needs, beside the state."""

    def __init__(self, metrics: Metrics, journal: Journal | None, shadow: Shadow, is_busy: Callable[[], bool]) -> None:
        self._metrics = metrics
        self._journal = journal
        self._shadow = shadow
        self._is_busy = is_busy
        self._batches: dict[int, tuple[Slot, Batch]] = {}
        self._numbers = itertools.count()
        self._boot = os.urandom(6).hex()

    async def answer(self, pipeline: PipelineState, name: str, version: str | None, body: bytes) -> bytes:
        """Return the body of the answer. Raises Refusal with the reason."""
        started = time.perf_counter()
        slot: Slot | None = None
        status = 500
        try:
            slot, identity = self._choose(pipeline, name, version, body)
            request = slot.loaded.reader.read(body)
            identity = request.id or identity or self._new_id()
            answers = await self._predict(slot, request)
            written = slot.loaded.writer.write(identity, answers)
            self._note(slot, pipeline, identity, request, answers, body)
            status = 200
            return written
        except Refusal as refusal:
            status = refusal.status
            raise
        finally:
            self._count(slot, name, status, started)

    def _choose(self, pipeline: PipelineState, name: str, version: str | None, body: bytes) -> tuple[Slot, str | None]:
        """Return who answers, and the id made for a request whose own one is absent and was asked for."""
        if version is not None:
            return pipeline.version(version, name), None
        if pipeline.candidate is None or pipeline.desired.candidate_percent in (0, 100):
            return pipeline.choose(""), None
        identity = read_id(body) or self._new_id()
        return pipeline.choose(identity), identity

    async def _predict(self, slot: Slot, request: Request) -> Array:
        try:
            if request.rows <= FEW_ROWS and self._is_busy():
                return await self._batch(slot).predict(request.columns, request.rows)
            if request.rows > MANY_ROWS:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(None, slot.loaded.predictor.predict, request.columns)
            return slot.loaded.predictor.predict(request.columns)
        except (DataError, FeatureError) as error:
            # The values passed the schema's checks, so the version's own code gave up: that counts against it.
            slot.total.failures += isinstance(error, FeatureError)
            slot.total.requests += isinstance(error, FeatureError)
            raise Refusal(422, f"these values cannot be predicted: {error}") from None

    def _batch(self, slot: Slot) -> Batch:
        known = self._batches.get(id(slot))
        if known is None:
            # Slots that are gone leave with the first request to a new one.
            self._batches = {} if len(self._batches) > 100 else self._batches
            known = self._batches[id(slot)] = (slot, Batch(slot.loaded.predictor))
        return known[1]

    def _note(
        self, slot: Slot, pipeline: PipelineState, identity: str, request: Request, answers: Array, body: bytes
    ) -> None:
        slot.total.requests += 1
        slot.total.rows += request.rows
        if self._journal is not None and slot.loaded.bundle.facts.log_predictions:
            self._journal.add(slot.loaded, identity, request.columns, answers.tolist())
        if pipeline.shadows and slot is pipeline.champion and pipeline.candidate is not None:
            self._shadow.copy(pipeline.candidate, body, answers)

    def _count(self, slot: Slot | None, name: str, status: int, started: float) -> None:
        self._metrics.statuses[name, slot.loaded.version if slot else "", status] += 1
        if slot is None:
            return
        if status == 200:
            slot.total.latency.add(time.perf_counter() - started)
        elif status >= 500:
            slot.total.requests += 1
            slot.total.failures += 1

    def _new_id(self) -> str:
        return f"{self._boot}-{next(self._numbers):x}"
