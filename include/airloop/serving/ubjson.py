"""Reads UBJSON (draft 12, as XGBoost writes it), so that a model can be served without importing XGBoost."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_NUMBERS = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}


def read(data: bytes) -> Any:
    """Return the value; typed arrays become NumPy arrays. Raises ValueError when ``data`` is not UBJSON."""
    try:
        return _Reader(data).value()
    except (struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"not UBJSON: {error!r}") from None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def value(self) -> Any:
        marker = self._take(1)
        if marker == b"{":
            return self._object()
        if marker == b"[":
            return self._array()
        if marker == b"S":
            return self._text()
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        return self._number(marker)

    def _object(self) -> dict[str, Any]:
        found = {}
        while self._peek() != b"}":
            name = self._text()
            found[name] = self.value()
        self._at += 1
        return found

    def _array(self) -> Any:
        if self._peek() == b"$":
            self._at += 1
            kind = self._take(1)
            count = self._count()
            numbers = np.frombuffer(self._data, _NUMBERS[kind], count, self._at)
            self._at += numbers.nbytes
            return numbers.astype(numbers.dtype.newbyteorder("="))
        if self._peek() == b"#":
            return [self.value() for _ in range(self._count())]
        items = []
        while self._peek() != b"]":
            items.append(self.value())
        self._at += 1
        return items

    def _count(self) -> int:
        if self._take(1) != b"#":
            raise ValueError(f"not UBJSON: no count at byte {self._at}")
        return self._whole()

    def _text(self) -> str:
        return self._take(self._whole()).decode()

    def _whole(self) -> int:
        return int(self._number(self._take(1)))

    def _number(self, marker: bytes) -> float | int:
        layout = _NUMBERS[marker]
        (number,) = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return number  # type: ignore[no-any-return]  # one number, by its layout

    def _peek(self) -> bytes:
        return self._data[self._at : self._at + 1] or self._take(1)

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count or count < 0:
            raise IndexError(f"ends at byte {len(self._data)}")
        self._at += count
        return taken
