"""Changing what is served: everything is loaded and checked beside the old state, then replaces it at once."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from airloop.errors import BundleError, Unreachable
from airloop.serving.lenient import UNREADABLE
from airloop.serving.metrics import Metrics
from airloop.serving.refusal import Refusal
from airloop.serving.slot import Loaded, Slot, Wanted, load
from airloop.serving.state import Desired, PipelineState, State

if TYPE_CHECKING:
    from airloop.store import Store

log = logging.getLogger(__name__)

_DESIRED = msgspec.json.Decoder(Desired)


class Admin:
    """Holds the state. ``state`` is replaced, never changed; requests read it once.

    Without a ``store`` what it serves is given to ``serve`` once, and every change is refused with 409.
    """

    def __init__(self, store: Store | None, metrics: Metrics, known_file: Path | None) -> None:
        self._store = store
        self._metrics = metrics
        self._known_file = known_file
        self._lock = asyncio.Lock()
        self.state = State()
        self.changed: Callable[[], None] = lambda: None

    def show(self, name: str) -> dict[str, Any]:
        """Return what one pipeline serves, with counts; an empty state for one that is not known."""
        pipeline = self.state.pipelines.get(name)
        shown = pipeline.as_json() if pipeline else PipelineState(Desired(), None, None).as_json()
        problem = self.state.problems.get(name)
        return shown | ({"problem": problem} if problem else {})

    def answers(self, name: str) -> dict[str, list[Any]]:
        """Return the latest answers by the id under which they are compared, whichever version gave them.

        Raises Refusal (404) for a pipeline that is not served.
        """
        kept = [slot.answers.as_json() for slot in self.state.find(name).slots]
        return {identity: answers for each in kept for identity, answers in each.items()}

    def recount(self, name: str) -> None:
        """Begin the counts of every version of a pipeline anew. Raises Refusal (404) for one that is not served."""
        pipeline = self.state.find(name)
        champion, candidate = (slot and self._anew(slot) for slot in (pipeline.champion, pipeline.candidate))
        self.state = self.state.having(name, PipelineState(pipeline.desired, champion, candidate))

    async def put(self, name: str, body: bytes) -> None:
        """Serve what ``body`` asks for; the old state serves until the new one is ready.

        Raises Refusal: 400 for a wrong body, 422 for a bundle that cannot be served, 409 where nothing changes or for a
        version that is served from another bundle, 503 when the store does not answer. Nothing has changed then.
        """
        try:
            desired = _DESIRED.decode(body)
        except UNREADABLE as error:
            raise Refusal(400, f"the state cannot be read: {error}") from None
        _check(desired)
        await self.apply(name, desired)

    def serve(self, loaded: Loaded) -> None:
        """Serve a bundle as the champion of its pipeline."""
        desired = Desired(champion=Wanted(loaded.bundle.digest, loaded.version))
        slot = Slot(loaded, self._metrics.of(loaded.pipeline, loaded.version))
        self.state = self.state.having(loaded.pipeline, PipelineState(desired, slot, None))
        self._after_change()

    async def apply(self, name: str, desired: Desired) -> None:
        """Serve ``desired``. Raises Refusal like ``put``."""
        self._may_change()
        async with self._lock:
            old = self.state.pipelines.get(name)
            if old is not None and old.desired == desired:
                return
            champion = await self._slot(name, desired.champion, old)
            candidate = await self._slot(name, desired.candidate, old)
            self.state = self.state.having(name, PipelineState(desired, champion, candidate))
            self._after_change()
        log.info("%s: now %s", name, _words(desired))

    async def remove(self, name: str) -> None:
        """Stop serving a pipeline; one that is not served stays so. Raises Refusal (409) where nothing changes."""
        self._may_change()
        async with self._lock:
            self.state = self.state.having(name, None)
            self._after_change()

    async def restore(self, champions: dict[str, Wanted]) -> None:
        """Serve ``champions`` after a start; one that cannot be served is remembered with its reason."""
        for name, wanted in champions.items():
            try:
                await self.apply(name, Desired(champion=wanted))
            except Refusal as refusal:
                log.error("%s: version %s cannot be served: %s", name, wanted.version, refusal.reason)
                self.state = self.state.having(name, None, refusal.reason)
                self.changed()

    def _may_change(self) -> Store:
        if self._store is None:
            raise Refusal(409, "this server serves the one bundle it was started with; start another server for others")
        return self._store

    async def _slot(self, name: str, wanted: Wanted | None, old: PipelineState | None) -> Slot | None:
        if wanted is None:
            return None
        loaded = next((slot.loaded for slot in old.slots if _is(slot.loaded, wanted)), None) if old else None
        if loaded is None:
            loaded = await self._load(name, wanted)
        # A new slot even for a version that stays: counts of champion and candidate begin together with each step.
        return Slot(loaded, self._metrics.of(name, loaded.version))

    def _anew(self, slot: Slot) -> Slot:
        return Slot(slot.loaded, slot.total)

    async def _load(self, name: str, wanted: Wanted) -> Loaded:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(None, load, self._may_change(), name, wanted)
        except BundleError as error:
            raise Refusal(422, str(error)) from None
        except Unreachable as error:
            raise Refusal(503, str(error)) from None
        except Exception as error:  # Libraries and feature code fail in their own ways; the old state must stay.
            log.exception("bundle %s cannot be loaded", wanted.bundle[:12])
            what = f"{type(error).__name__}: {error}"
            raise Refusal(422, f"bundle {wanted.bundle[:12]} cannot be loaded: {what}") from None

    def _after_change(self) -> None:
        self.changed()
        # What is loaded stays; collections in the middle of a request need not look at it.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        if self._known_file is not None:
            try:
                _write(self._known_file, self.state)
            except OSError as error:
                log.warning("%s cannot be written: %s. After a restart the ledger must answer", self._known_file, error)


def last_known(known_file: Path) -> dict[str, Wanted]:
    """Return the champions that were served last on this machine; none where nothing was kept."""
    try:
        return msgspec.json.decode(known_file.read_bytes(), type=dict[str, Wanted])
    except (OSError, msgspec.DecodeError):
        return {}


def _write(path: Path, state: State) -> None:
    champions = {name: pipeline.desired.champion for name, pipeline in state.pipelines.items()}
    known = {name: champion for name, champion in champions.items() if champion is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_bytes(msgspec.json.encode(known, order="deterministic"))
    scratch.replace(path)


def _check(desired: Desired) -> None:
    champion, candidate = desired.champion, desired.candidate
    if candidate is None and (desired.candidate_percent or desired.shadow):
        raise Refusal(400, "candidate_percent and shadow need a candidate")
    if champion and candidate and champion.version == candidate.version:
        both = champion.version
        raise Refusal(409, f"champion and candidate are both version {both!r}; answers could not be told apart")


def _is(loaded: Loaded, wanted: Wanted) -> bool:
    return loaded.bundle.digest == wanted.bundle and loaded.version == wanted.version


def _words(desired: Desired) -> str:
    champion = f"champion {desired.champion.version}" if desired.champion else "no champion"
    if desired.candidate is None:
        return champion
    share = "shadow" if desired.shadow else f"{desired.candidate_percent} %"
    return f"{champion}, candidate {desired.candidate.version} ({share})"
