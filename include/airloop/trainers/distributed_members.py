"""Workers that are there: each is handed its rows, then all are asked for chunk after chunk."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airloop.errors import Unreachable
from airloop.trainers import distributed_member as member
from airloop.trainers.distributed_dask import scheduler_at
from airloop.trainers.distributed_workers import Started, Workers
from airloop.trainers.protocol import BATCH_ROWS, Rows, TrainingData

if TYPE_CHECKING:
    from distributed import Client, Future, Scheduler

log = logging.getLogger(__name__)

_PAUSE_S = 0.005
_LOOK_S = 0.2
_LAST_WORDS_S = 10.0
"""How long a failed chunk waits for who else fails, and for a dead process to be seen."""


class WorkerLost(Exception):
    """At least one worker is gone, or never came."""


class Members:
    """Workers that are there."""

    def __init__(self, client: Client, scheduler: Scheduler, started: Started, names: list[str]) -> None:
        self._client, self._scheduler, self._started = client, scheduler, started
        by_name = {str(worker.name): address for address, worker in dict(scheduler.workers).items()}
        self._addresses = [by_name.get(name, "") for name in names]

    def give(self, data: TrainingData, whole_watch: bool) -> None:
        """Hand every worker its rows, a batch at a time."""
        begun = time.monotonic()
        number = len(self._addresses)
        for place, address in enumerate(self._addresses):
            self._hand("fit", _share(data.fit, place, number), address)
            if data.watch is not None:
                self._hand("watch", data.watch if whole_watch else _share(data.watch, place, number), address)
        log.info("%d rows are with %d workers after %.1f s", len(data.fit), number, time.monotonic() - begun)

    def advance(self, order: member.Order, packed: bytes | None) -> bytes:
        meeting = self._result(self._submit(member.meet, 0, len(self._addresses), self._host(0)))
        asked = [self._submit(member.advance, i, i, order, meeting, packed) for i in range(len(self._addresses))]
        self._wait(asked)
        first: bytes = asked[0].result()
        return first

    def _hand(self, part: str, rows: Rows, address: str) -> None:
        for start in range(0, len(rows), BATCH_ROWS):
            end = start + BATCH_ROWS
            batch = [rows.matrix[start:end], rows.label[start:end], rows.row_hash[start:end]]
            try:
                sent = self._client.scatter(batch, workers=[address], direct=True, hash=False)
                taken = self._client.submit(member.take, part, *sent, workers=[address], pure=False)
            except OSError as error:
                raise WorkerLost(self._words(error)) from error
            self._result(taken)

    def _submit(self, function: Any, place: int, *given: Any) -> Future[Any]:
        return self._client.submit(function, *given, workers=[self._addresses[place]], pure=False)

    def _result(self, future: Future[Any]) -> Any:
        self._wait([future])
        return future.result()

    def _wait(self, futures: list[Future[Any]]) -> None:
        """Wait for all. Raises what a worker raised, or WorkerLost where one is gone."""
        end = math.inf
        while any(not future.done() for future in futures) and time.monotonic() < end:
            # A task for a worker that is gone would wait for its return.
            if not all(address in self._scheduler.workers for address in self._addresses):
                raise WorkerLost(self._words(None))
            if end == math.inf and any(future.status in ("error", "lost", "cancelled") for future in futures):
                end = time.monotonic() + _LAST_WORDS_S
            time.sleep(_PAUSE_S)
        self._raise(futures)

    def _raise(self, futures: list[Future[Any]]) -> None:
        failed = [future for future in futures if future.status != "finished"]
        errors = [future.exception() for future in failed if future.status == "error"]
        for error in errors:
            if error is not None and not _is_loss(error):
                raise error
        if failed:
            raise WorkerLost(self._words(next((error for error in errors if error), None)))

    def _words(self, error: BaseException | None) -> str:
        end = time.monotonic() + _LAST_WORDS_S
        while not (trouble := self._started.trouble()) and time.monotonic() < end:
            time.sleep(_LOOK_S)
        return trouble or f"workers do not reach each other: {error}"

    def _host(self, place: int) -> str:
        return urlsplit(self._addresses[place]).hostname or ""


def _is_loss(error: BaseException) -> bool:
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    return isinstance(error, member.PeerLost | KilledWorker | CommClosedError)


def _share(rows: Rows, place: int, number: int) -> Rows:
    """Return the ``place``-th of ``number`` shares: one stretch after the other, the same in every try."""
    part = slice(place * len(rows) // number, (place + 1) * len(rows) // number)
    return Rows(rows.matrix[part], rows.label[part], rows.row_hash[part])


@contextmanager
def present(workers: Workers, number: int) -> Iterator[Members]:
    """Give ``number`` workers. Raises WorkerLost when one ends at once, Unreachable when they do not come."""
    names = [str(place) for place in range(number)]
    with scheduler_at(workers.host) as (client, scheduler, joining), workers.started(names, joining) as started:
        _await(scheduler, started, number, workers.start_within_s)
        yield Members(client, scheduler, started, names)


def _await(scheduler: Scheduler, started: Started, number: int, within_s: float) -> None:
    end = time.monotonic() + within_s
    while len(scheduler.workers) < number:
        if trouble := started.trouble():
            raise WorkerLost(trouble)
        if time.monotonic() > end:
            why = started.trouble(late=True) or "they said nothing"
            raise Unreachable(f"only {len(scheduler.workers)} of {number} workers came within {within_s:.0f} s: {why}")
        time.sleep(_LOOK_S)
