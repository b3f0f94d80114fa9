"""Draws of replicates: the same fit once more, with another seed and without a tenth of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from airloop import digest

if TYPE_CHECKING:
    from airloop.trainers.protocol import Floats

_LEFT_OUT = 10  # A replicate leaves out one row in this many.


def replicate_seed(seed: int, number: int) -> int:
    """Return the seed of a replicate's draws, from ``model.seed`` and its number."""
    return int(digest.of_value(["replicate", seed, number])[:7], 16)


def weights_without_a_tenth(row_hash: np.ndarray[Any, np.dtype[np.uint64]], seed: int) -> Floats:
    """Return weight 0 for a tenth of the rows, 1 for the others, shape (n,)."""
    mixed = (row_hash ^ np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    kept: Floats = ((mixed >> np.uint64(33)) % np.uint64(_LEFT_OUT) != 0).astype(np.float32)
    return kept
