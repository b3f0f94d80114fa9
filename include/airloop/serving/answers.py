"""The latest answers of a version by request, for comparing versions that run in different processes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
MOST_REQUESTS = 2_048
MOST_VALUES = 100_000
"""Largest number of single values kept; a request with more of them is not kept at all."""


class Answers:
    """A ring: what is added beyond its bounds takes the place of the oldest."""

    def __init__(self, most_requests: int = MOST_REQUESTS, most_values: int = MOST_VALUES) -> None:
        self._most_requests = most_requests
        self._most_values = most_values
        self._kept: OrderedDict[bytes, Array] = OrderedDict()
        self._values = 0

    def add(self, identity: bytes, answers: Array) -> None:
        """Keep the answers to one request, float64 (n,) or (n, k), under its id."""
        if answers.size > self._most_values:
            return
        replaced = self._kept.pop(identity, None)
        if replaced is not None:
            self._values -= replaced.size
        self._kept[identity] = answers
        self._values += answers.size
        while len(self._kept) > self._most_requests or self._values > self._most_values:
            self._values -= self._kept.popitem(last=False)[1].size

    def as_json(self) -> dict[str, list[Any]]:
        """Return id → answers, (n,) or (n, k) as lists; the oldest request first."""
        return {identity.decode("latin-1"): kept.tolist() for identity, kept in self._kept.items()}
