"""The prediction log's first stop: an append-only file that has each answer before the client does.

A write reaches the operating system at once, so a killed server loses nothing that it answered. Closed segments are
turned into Parquet by ``compact``, in a process of its own: the server imports no pyarrow and waits for no store.
A full disk or too long a backlog drops log entries, never answers; the counter and the server's log say so.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from airloop.features.schema import Schema

if TYPE_CHECKING:
    from airloop.serving.slot import Loaded

log = logging.getLogger(__name__)

SUFFIX = ".journal"
MOST_BACKLOG = 256_000_000
"""Bytes not yet in the store above which entries are dropped."""
_HEADER = 8  # length and checksum, four bytes each
_QUIET_S = 30.0  # between two complaints


class Described(msgspec.Struct, frozen=True, tag="described"):
    """Says what the entries with this ``number`` are; comes before the first of them in each segment."""

    number: int
    pipeline: str
    version: str
    bundle: str
    schema: Schema
    private: tuple[str, ...]


class Answered(msgspec.Struct, frozen=True, tag="answered", array_like=True, gc=False):
    """One answered request; ``columns`` are the inputs in the schema's order without the private ones."""

    number: int
    id: str
    time_us: int
    """When it was answered, microseconds since 1970, UTC."""
    columns: list[list[Any]]
    answers: list[Any]


class Journal:
    """Writes entries to the open segment in ``folder``; one writer a segment, held by a lock."""

    def __init__(self, folder: Path, most_backlog: int = MOST_BACKLOG) -> None:
        self._folder = folder
        self._most_backlog = most_backlog
        self._encode = msgspec.msgpack.Encoder().encode
        self._descriptor: int | None = None
        self._size = 0
        self._since = 0.0
        self._numbers: dict[int, tuple[int, list[int] | None, Loaded]] = {}
        self._complained = -_QUIET_S
        self.backlog = self.measure()
        """Bytes written and not yet in the store."""
        self.entries = 0
        self.dropped = 0

    def add(self, loaded: Loaded, identity: str, columns: Sequence[Any], answers: list[Any]) -> None:
        """Write one entry. Never raises: what cannot be written is counted in ``dropped``."""
        if self.backlog > self._most_backlog:
            self._drop(f"more than {self._most_backlog // 1_000_000} MB wait for the store")
            return
        try:
            known = self._numbers.get(id(loaded)) or self._describe(loaded)
            number, kept, _ = known
            written = list(columns) if kept is None else [columns[place] for place in kept]
            self._append(self._encode(Answered(number, identity, time.time_ns() // 1000, written, answers)))
            self.entries += 1
        except (OSError, msgspec.EncodeError, OverflowError, ValueError) as error:
            self._drop(str(error))

    def is_due(self, most_bytes: int, most_s: float) -> bool:
        """Return whether the open segment is large or old enough to be closed."""
        return self._size > 0 and (self._size >= most_bytes or time.monotonic() - self._since >= most_s)

    def close_segment(self) -> None:
        """Close the open segment, so that it may be turned into Parquet."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._size = None, 0
        self._numbers.clear()

    def measure(self) -> int:
        """Return the bytes of all segments, counted anew, and remember them as the backlog."""
        self.backlog = sum(path.stat().st_size for path in self._folder.glob(f"*{SUFFIX}"))
        return self.backlog

    def _append(self, payload: bytes) -> None:
        record = len(payload).to_bytes(4, "little") + zlib.crc32(payload).to_bytes(4, "little") + payload
        descriptor = self._open() if self._descriptor is None else self._descriptor
        written = os.write(descriptor, record)
        if written < len(record):
            # A disk that fills up takes a part; without it the segment stays readable.
            os.ftruncate(descriptor, self._size)
            raise OSError(f"only {written} of {len(record)} bytes fit on the disk")
        self._size += written
        self.backlog += written

    def _open(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{uuid.uuid4().hex}{SUFFIX}"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._descriptor, self._size, self._since = descriptor, 0, time.monotonic()
        self._numbers.clear()
        return descriptor

    def _describe(self, loaded: Loaded) -> tuple[int, list[int] | None, Loaded]:
        if self._descriptor is None:
            self._open()
        bundle = loaded.bundle
        private = set(bundle.facts.private)
        places = [place for place, column in enumerate(bundle.schema.inputs) if column.name not in private]
        number = len(self._numbers)
        described = Described(
            number, bundle.pipeline, bundle.version, bundle.digest, bundle.schema, bundle.facts.private
        )  # fmt: skip
        self._append(self._encode(described))
        # The version is kept in the tuple: its id() must not be given to another one while this segment is open.
        entry = (number, places if private else None, loaded)
        self._numbers[id(loaded)] = entry
        return entry

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        if time.monotonic() - self._complained >= _QUIET_S:
            self._complained = time.monotonic()
            log.error("prediction log: %d entries dropped so far: %s. Answers go on", self.dropped, reason)


def read(path: Path) -> Iterator[Described | Answered]:
    """Yield the entries of a segment; one that was cut short by a crash ends it."""
    decoder = msgspec.msgpack.Decoder(Answered)
    describer = msgspec.msgpack.Decoder(Described)
    data = path.read_bytes()
    at = 0
    while at + _HEADER <= len(data):
        length, checksum = (int.from_bytes(data[start : start + 4], "little") for start in (at, at + 4))
        payload = data[at + _HEADER : at + _HEADER + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            log.warning("%s: the last %d bytes were cut short by a crash", path.name, len(data) - at)
            return
        # An array-like struct is a MessagePack array, the other one a map.
        is_answer = payload[0] & 0xF0 == 0x90
        yield decoder.decode(payload) if is_answer else describer.decode(payload)
        at += _HEADER + length
