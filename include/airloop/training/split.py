"""Which training rows are fitted and which, later ones, early stopping watches. Pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from airloop import digest
from airloop.errors import TrainingError

Integers = np.ndarray[Any, np.dtype[np.int64]]
Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def row_hashes(partition: str, positions: Integers) -> Hashes:
    """Return one uint64 per row, shape (n,), decided by the partition's digest (hex) and the position alone.

    The finaliser is SplitMix64's (Steele, Lea & Flood 2014).
    """
    mixed = positions.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(int(partition[:16], 16))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def latest_rows(times: Integers, share: float) -> Mask:
    """Return which rows, shape (n,), are the latest ``share``; rows of one instant stay together.

    ``times`` are any integers that grow with time. Every row chosen is later than every row that is not. Raises
    TrainingError when all rows have the same time.
    """
    cut = np.sort(times)[_first_watched(len(times), share)]
    if cut == times.min():
        later = times[times > cut]
        if not later.size:
            raise TrainingError(
                f"all {len(times)} training rows have the same event time: none is later for early stopping to watch. "
                "Set model.early_stopping: 0, or use rows of several instants"
            )
        cut = later.min()
    return np.asarray(times >= cut)


def drawn_rows(hashes: Hashes, share: float, seed: int) -> Mask:
    """Return which rows without time, shape (n,), are watched: the ``share`` that the seeded hash ranks last."""
    salt = np.uint64(int(digest.of_value(["early stopping", seed])[:16], 16))
    ranks = np.argsort(np.argsort(hashes ^ salt, kind="stable"), kind="stable")
    return np.asarray(ranks >= _first_watched(len(hashes), share))


def _first_watched(rows: int, share: float) -> int:
    """Return the rank of the first watched row, so that at least one row is watched and one fitted."""
    return min(max(round(rows * (1 - share)), 1), rows - 1)
