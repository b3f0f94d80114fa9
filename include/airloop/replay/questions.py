"""Rows of the past as requests: the columns that the model asks for, as JSON carries them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from airloop.replay.tally import ReplayFailed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Column:
    """An input of the model, as the server describes it."""

    name: str
    datatype: str
    kind: str

    @classmethod
    def of(cls, metadata: dict[str, Any]) -> tuple[Column, ...]:
        """Return the inputs that a model's metadata names."""
        return tuple(
            cls(tensor["name"], tensor["datatype"], tensor["parameters"]["kind"]) for tensor in metadata["inputs"]
        )


@dataclass(frozen=True)
class Question:
    """A request: one list of values per column, all as long as ``events``."""

    columns: tuple[Column, ...]
    values: tuple[list[Any], ...]
    events: list[int]
    """The rows' instants, microseconds since 1970 UTC, rising."""
    places: list[int]
    """The rows' places in their interval: equal rows are different events."""
    seed: int

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.events)

    @property
    def event(self) -> datetime:
        """The instant of the first row."""
        return _instant(self.events[0])

    @property
    def last(self) -> datetime:
        """The instant of the last row: a request of several is sent once all are there."""
        return _instant(self.events[-1])

    @property
    def body(self) -> bytes:
        """The request. Its id depends on the rows and the seed alone."""
        inputs = [
            {"name": column.name, "datatype": column.datatype, "shape": [self.rows], "data": values}
            for column, values in zip(self.columns, self.values, strict=True)
        ]
        name = blake2b(_encode([self.seed, self.places, inputs]), digest_size=8).hexdigest()
        return _encode({"id": f"replay-{self.event:%Y-%m-%d}-{name}", "inputs": inputs})

    def cut(self, count: int) -> tuple[Question, Question]:
        """Return the first ``count`` rows and the rest; both must have some."""
        return self._part(slice(None, count)), self._part(slice(count, None))

    def _part(self, rows: slice) -> Question:
        values = tuple(cells[rows] for cells in self.values)
        return Question(self.columns, values, self.events[rows], self.places[rows], self.seed)


def questions(
    frame: pd.DataFrame, event_time: str, columns: tuple[Column, ...], *, batch: int, seed: int
) -> Iterator[Question]:
    """Yield ``frame``, sorted by ``event_time``, as requests of at most ``batch`` rows; its index holds the places.

    Raises ReplayFailed naming a column that the model asks for and the data lacks.
    """
    missing = [column.name for column in columns if column.name not in frame]
    if missing:
        has = ", ".join(frame.columns)
        raise ReplayFailed(f"the live model asks for {', '.join(missing)}, which the data has not. It has {has}")
    values = [_values(frame[column.name], column.kind) for column in columns]
    events, places = _micros(frame[event_time]), frame.index.tolist()
    for start in range(0, len(frame), batch):
        rows = slice(start, start + batch)
        yield Question(columns, tuple(cells[rows] for cells in values), events[rows], places[rows], seed)


def _instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, UTC)


def _values(cells: pd.Series[Any], kind: str) -> list[Any]:
    if kind == "time":
        return [None if cell is None else f"{cell}Z" for cell in _times(cells)]
    cast = {"number": float, "integer": int, "boolean": bool, "text": str}[kind]
    missing = cells.isna().tolist()
    return [None if gone else cast(cell) for cell, gone in zip(cells.tolist(), missing, strict=True)]


def _times(cells: pd.Series[Any]) -> list[str | None]:
    import numpy as np

    texts: list[str] = np.datetime_as_string(_naive(cells)).tolist()
    return [None if text == "NaT" else text for text in texts]


def _micros(cells: pd.Series[Any]) -> list[int]:
    micros: list[int] = _naive(cells).astype("int64").tolist()
    return micros


def _naive(cells: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Return times in UTC without their zone, to the microsecond."""
    naive: np.ndarray[Any, Any] = cells.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]")
    return naive
