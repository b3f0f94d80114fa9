"""Blocks of rows that are not independent of each other: the rows of one day, or of one hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airloop.statistics.metrics import Array

FEWEST = 5
"""Blocks below which their variance says too little: Student's t at 95 % is 2.1 for 5, 2.9 for 3, 6.3 for 2."""


@dataclass(frozen=True)
class Blocks:
    """Every row's block as an integer from 0, shape (n,), and what a block is: ``day`` or ``hour``."""

    of_row: Array
    unit: str

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return int(self.of_row.max()) + 1

    def among(self, chosen: Array) -> Blocks | None:
        """Return the blocks of the rows where ``chosen`` is true; None when they are too few."""
        return _blocks(self.of_row[chosen], self.unit)


def blocks_of(times: Array | None) -> Blocks | None:
    """Return the days of event times (datetime64, UTC, shape (n,)), or their hours where the days are fewer than 5.

    None when the hours are too few as well, or ``times`` is None: then rows count as independent.
    """
    if times is None or not len(times):
        return None
    for unit, code in (("day", "D"), ("hour", "h")):
        found = _blocks(times.astype(f"datetime64[{code}]").astype(np.int64), unit)
        if found:
            return found
    return None


def _blocks(labels: Array, unit: str) -> Blocks | None:
    distinct, of_row = np.unique(labels, return_inverse=True)
    return Blocks(of_row, unit) if distinct.size >= FEWEST else None
