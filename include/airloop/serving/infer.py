"""Answering one inference request: choose the version, read, predict, log, write."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop.errors import DataError, FeatureError
from airloop.serving.http import CONTENT
from airloop.serving.refusal import Refusal
from airloop.serving.request import Request, read_id

if TYPE_CHECKING:
    from airloop.serving.batch import Done
    from airloop.serving.http import Head
    from airloop.serving.journal import Journal
    from airloop.serving.metrics import Metrics
    from airloop.serving.shadow import Shadow
    from airloop.serving.slot import Slot
    from airloop.serving.state import PipelineState
    from airloop.serving.stats import Stats

log = logging.getLogger(__name__)

Array = np.ndarray[Any, Any]
FEW_ROWS = 8
"""Requests with at most so many rows are answered together with others that are there."""
MANY_ROWS = 2_000
"""Requests with more rows are predicted in a thread, so that others go on being answered."""


@dataclass(slots=True)
class Asked:
    """A request that was read, by the version that will answer it."""

    pipeline: PipelineState
    slot: Slot
    identity: str
    request: Request
    body: bytes
    started: float
    head: Head


class Inference:
    """Everything that answering needs, beside the state."""

    def __init__(self, metrics: Metrics, journal: Journal | None, shadow: Shadow) -> None:
        self._metrics = metrics
        self._journal = journal
        self._shadow = shadow
        self._numbers = itertools.count()
        self._boot = os.urandom(6).hex()

    async def answer(self, pipeline: PipelineState, name: str, version: str | None, head: Head, body: bytes) -> bytes:
        """Return the body of the answer. Raises Refusal with the reason."""
        asked = self.begin(pipeline, name, version, head, body)
        loop = asyncio.get_running_loop()
        if asked.request.rows > MANY_ROWS:
            predict = asked.slot.loaded.predictor.predict
            try:
                answers: Array | Exception = await loop.run_in_executor(None, predict, asked.request.columns)
            except Exception as error:  # ``end`` turns it into a refusal and counts it.
                answers = error
        else:
            future: asyncio.Future[Array | Exception] = loop.create_future()
            self.predict(asked, future.set_result)
            answers = await future
        return self.end(asked, answers)

    def begin(self, pipeline: PipelineState, name: str, version: str | None, head: Head, body: bytes) -> Asked:
        """Choose the version and read the request. Raises Refusal with the reason."""
        started = time.perf_counter()
        slot: Slot | None = None
        try:
            slot, identity = self._choose(pipeline, name, version, body)
            request = slot.loaded.reader.read(body)
        except Refusal as refusal:
            self._metrics.statuses[name, slot.loaded.version if slot else "", refusal.status] += 1
            if slot is not None:
                slot.total.refused += 1
                _count_failed_copy(slot.total, head)
            raise
        return Asked(pipeline, slot, request.id or identity or self._new_id(), request, body, started, head)

    def predict(self, asked: Asked, done: Done) -> None:
        """Predict, together with others where the request is small, then call ``done``."""
        loaded, request = asked.slot.loaded, asked.request
        if request.rows <= FEW_ROWS:
            loaded.batch.add(request.columns, request.rows, done)
            return
        try:
            answers: Array | Exception = loaded.predictor.predict(request.columns)
        except Exception as error:  # ``end`` turns it into a refusal and counts it.
            answers = error
        done(answers)

    def end(self, asked: Asked, answers: Array | Exception) -> bytes:
        """Log and count, and return the body of the answer. Raises Refusal for what went wrong."""
        if isinstance(answers, Exception):
            raise self._failed(asked, answers)
        slot, request = asked.slot, asked.request
        written = slot.loaded.writer.write(asked.identity, answers)
        if asked.head.compare:
            slot.answers.add(_compared_as(asked.head.compare, asked.body), answers)
        if asked.head.is_shadow:
            # Nobody sees this answer: it is counted apart, and no prediction that was made.
            slot.total.shadow_requests += 1
            slot.total.latency.add(time.perf_counter() - asked.started)
            return written
        if self._journal is not None and slot.loaded.bundle.facts.log_predictions:
            self._journal.add(slot.loaded, asked.identity, request.columns, answers.tolist())
        pipeline = asked.pipeline
        if pipeline.shadows and slot is pipeline.champion and pipeline.candidate is not None:
            self._shadow.copy(pipeline.candidate, asked.body, answers)
        total = slot.total
        total.requests += 1
        total.instead += asked.head.is_instead
        total.rows += request.rows
        total.latency.add(time.perf_counter() - asked.started)
        self._metrics.statuses[slot.loaded.pipeline, slot.loaded.version, 200] += 1
        return written

    def _choose(self, pipeline: PipelineState, name: str, version: str | None, body: bytes) -> tuple[Slot, str | None]:
        """Return who answers, and the id made for a request whose own one is absent and was asked for."""
        if version is not None:
            return pipeline.version(version, name), None
        if pipeline.candidate is None or pipeline.desired.candidate_percent in (0, 100):
            return pipeline.choose(""), None
        identity = read_id(body) or self._new_id()
        return pipeline.choose(identity), identity

    def _failed(self, asked: Asked, error: Exception) -> Refusal:
        """Count a failure and return how it is told; unknown categories and the like are the client's, not counted."""
        slot = asked.slot
        if isinstance(error, DataError | FeatureError):
            refusal = Refusal(422, f"these values cannot be predicted: {error}")
        else:
            log.error("version %s of %s failed", slot.loaded.version, slot.loaded.pipeline, exc_info=error)
            refusal = Refusal(500, "the model failed on this request; the server's log says why")
        _count_failed_copy(slot.total, asked.head)
        if not asked.head.is_shadow and not isinstance(error, DataError):
            # The values passed the schema's checks, so the version's own code gave up.
            slot.total.requests += 1
            slot.total.failures += 1
            slot.total.instead += asked.head.is_instead
        self._metrics.statuses[slot.loaded.pipeline, slot.loaded.version, refusal.status] += 1
        return refusal

    def _new_id(self) -> str:
        return f"{self._boot}-{next(self._numbers):x}"


def _compared_as(told: bytes, body: bytes) -> bytes:
    """Return the id under which the answer to a request is compared with the answer to its copy."""
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode() if told == CONTENT else told


def _count_failed_copy(total: Stats, head: Head) -> None:
    """Count a request that is not answered and is a copy, or has one; both counts together show whose mistake it is."""
    if head.is_shadow:
        total.shadow_requests += 1
        total.shadow_failures += 1
    elif head.compare:
        total.copied_failures += 1
