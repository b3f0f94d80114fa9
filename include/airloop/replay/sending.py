"""Sending a past to the live endpoint, request by request."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from airloop.data.windows import micros
from airloop.errors import Unreachable
from airloop.release.reached import address
from airloop.replay import past
from airloop.replay.pace import Metronome, Pace
from airloop.replay.questions import Column, Question, questions
from airloop.replay.tally import ReplayFailed, Tally
from airloop.serving.client import ServerClient
from airloop.serving.refusal import Refusal
from airloop.serving.tokens import read_or_make

if TYPE_CHECKING:
    from airloop.data import Partition
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

BATCH = 50
AT_ONCE = 2
PATIENCE_S = 60.0
"""How long a server may be away, for example while it starts again."""
ITS_OWN_FAULT = frozenset({400, 413, 422, 500})
"""Statuses that are about the rows of a request."""
PERHAPS_ONE_ROW = frozenset({413, 422})


@dataclass(frozen=True)
class Outcome:
    """What became of the rows of a request: answered by ``version``, or refused for a ``reason``."""

    question: Question
    version: str = ""
    reason: str = ""


class Replay:
    """The rows of ``[start, end)``, sent up to where the caller wants; a context manager.

    A sample of ``share`` of them, ``batch`` in a request, ``at_once`` requests at a time. The same rows, batch and
    seed give the same requests with the same ids. ``known_until`` is when the rows are looked at.
    """

    def __init__(
        self, workspace: Workspace, pipeline: Pipeline, start: datetime, end: datetime, *, known_until: datetime,
        share: float = 1.0, seed: int = 0, batch: int = BATCH, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S,
    ) -> None:  # fmt: skip
        self.start, self.end = start, end
        self.tally = Tally()
        self._workspace = workspace
        self._pipeline = pipeline
        self._known_until = known_until
        self._share, self._seed = share, seed
        self._batch, self._at_once = batch, at_once
        self._patience_s = patience_s
        self._ended = threading.Event()
        self._client = ServerClient(address(workspace, pipeline), read_or_make(workspace.home).infer, timeout_s=30)
        self._pool = ThreadPoolExecutor(at_once, "replay")
        self._running: deque[Future[list[Outcome]]] = deque()
        self._ahead: deque[Question] = deque()
        self._questions: Iterator[Question] = iter(())

    def __enter__(self) -> Self:
        """Look at both ends. Raises ReplayFailed: nothing is live, or there is nothing to send; Unreachable."""
        try:
            past.check(self._pipeline, self.start, self.end)
            columns = self._columns()
            found = past.partitions(
                self._workspace, self._pipeline, self.start, self.end, known_until=self._known_until
            )
            self._questions = self._ask_about(found, columns)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def send(
        self,
        until: datetime,
        *,
        pace: Pace | None = None,
        batch: int | None = None,
        stop: threading.Event | None = None,
        report: Callable[[Tally], None] = lambda tally: None,
    ) -> bool:
        """Send what comes before ``until``, or as much of it as comes before ``stop`` is set; return which it was.

        ``report`` is told after each answer. Rows that the server refuses are counted in ``tally``. Raises Unreachable
        when the server is away for too long, and Refusal when it knows model or token no more.
        """
        stop = stop or self._ended
        metronome, sent = Metronome(pace or Pace()), 0
        while not stop.is_set() and (question := self._next(until, batch or self._batch)):
            metronome.wait(sent, question.last, stop)
            sent += question.rows
            self._running.append(self._pool.submit(self._ask, question))
            self._count(report, leave=self._at_once)
        self._count(report, leave=0)
        return self._is_at(until)

    def _count(self, report: Callable[[Tally], None], *, leave: int) -> None:
        """Wait until at most ``leave`` requests run, and count what the others brought."""
        while len(self._running) > leave:
            for outcome in self._running.popleft().result():
                event, rows = outcome.question.event, outcome.question.rows
                if outcome.reason:
                    self.tally.refuse(event, rows, outcome.reason)
                else:
                    self.tally.answer(event, rows, outcome.version)
            report(self.tally)

    def _ask_about(self, found: list[Partition], columns: tuple[Column, ...]) -> Iterator[Question]:
        event_time = str(self._pipeline.spec.data.event_time)
        frames = past.days(
            self._workspace, self._pipeline, found, self.start, self.end, share=self._share, seed=self._seed
        )
        for frame in frames:
            yield from questions(frame, event_time, columns, batch=self._batch, seed=self._seed)

    def _columns(self) -> tuple[Column, ...]:
        name = self._pipeline.name
        try:
            return Column.of(self._client.metadata(name))
        except Refusal as error:
            if error.status != 404:
                raise
            raise ReplayFailed(
                f"{name}: nothing is live at {self._client.url}. Release a model first, for example with "
                f"`python -m airloop run {name}`, or by {name}.train in Airflow"
            ) from error

    def _next(self, until: datetime, most: int) -> Question | None:
        question = self._peek()
        count = min(most, bisect_left(question.events, micros(until))) if question else 0
        if question is None or not count:
            return None
        self._ahead.popleft()
        if count < question.rows:
            question, rest = question.cut(count)
            self._ahead.appendleft(rest)
        return question

    def _is_at(self, until: datetime) -> bool:
        question = self._peek()
        return question is None or question.events[0] >= micros(until)

    def _peek(self) -> Question | None:
        if not self._ahead:
            self._ahead.extend(question for question in [next(self._questions, None)] if question)
        return self._ahead[0] if self._ahead else None

    def _ask(self, question: Question) -> list[Outcome]:
        """Return what became of the rows; of a request that is refused the good rows are found by halving it."""
        try:
            return [Outcome(question, version=self._version(question.body))]
        except Refusal as error:
            if error.status not in ITS_OWN_FAULT:
                raise
            if error.status in PERHAPS_ONE_ROW and question.rows > 1:
                return [one for half in question.cut(question.rows // 2) for one in self._ask(half)]
            return [Outcome(question, reason=error.reason)]

    def _version(self, body: bytes) -> str:
        """Return the version that answers, again while the server is away."""
        until = time.monotonic() + self._patience_s
        while True:
            try:
                return str(self._client.ask(self._pipeline.name, body)["model_version"])
            except Unreachable:
                if time.monotonic() >= until or self._ended.wait(0.5):
                    raise
