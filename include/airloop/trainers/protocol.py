"""What a trainer is: rows in, a fitted model out, saved in the library's own format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from airloop.spec.model import Model
    from airloop.trainers.checkpoint import Checkpoints

Floats = np.ndarray[Any, np.dtype[np.float32]]
Draws = np.ndarray[Any, np.dtype[np.uint64]]

BATCH_ROWS = 131_072
"""Rows handed on at a time. Fixed, because a trainer's sketches may depend on it."""


@dataclass(frozen=True)
class Rows:
    """Encoded rows, oldest first; the arrays may lie on disk (memory-mapped).

    ``matrix`` has shape (n, features), ``label`` (n,): class index, or value. ``row_hash`` (n,) names each row in the
    same way in every process, for draws that do not depend on the order of rows.
    """

    matrix: Floats
    label: Floats
    row_hash: Draws

    def __len__(self) -> int:
        return len(self.label)

    def batches(self, size: int = BATCH_ROWS) -> Iterator[tuple[Floats, Floats]]:
        """Yield (matrix, label) of at most ``size`` rows at a time."""
        for start in range(0, len(self), size):
            yield self.matrix[start : start + size], self.label[start : start + size]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Rows to fit, and later rows that early stopping watches (None where it is off)."""

    features: tuple[str, ...]
    """Names of the matrix's columns."""
    categorical: tuple[bool, ...]
    """Which columns hold indices of categories."""
    classes: int
    """Number of classes; 0 for a regression."""
    fit: Rows
    watch: Rows | None


class Fitted(Protocol):
    """A model that answers."""

    @property
    def rounds(self) -> int:
        """How many boosting rounds (or the like) the model kept."""

    @property
    def watched(self) -> tuple[str, tuple[float, ...]]:
        """Name of the watched metric and its value after each round tried; ("", ()) without early stopping."""

    def predict(self, matrix: Floats) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return float64 for ``matrix`` (n, features): (n,) P(second class) or value, or (n, classes)."""

    def save(self, folder: Path) -> None:
        """Write native files, no pickle, into the existing ``folder``; the same model always gives the same bytes."""

    def importance(self, names: Sequence[str]) -> dict[str, float]:
        """Return feature name → share of the gain, summing to 1; 0 for features that are not used."""


class Trainer(Protocol):
    """Makes models of one kind. An instance serves one training and may keep what its replicates can use again."""

    libraries: tuple[str, ...]
    """Distributions whose versions change what is trained; they count in the model's digest."""

    def check(self, model: Model) -> None:
        """Raise TrainingError for parameters that can never work; called before any row is read."""

    def fit(self, data: TrainingData, model: Model, checkpoints: Checkpoints) -> Fitted:
        """Fit; go on from what an earlier, killed call left in ``checkpoints``, with the same result as without it."""

    def fit_replicate(self, data: TrainingData, model: Model, number: int, checkpoints: Checkpoints) -> Fitted:
        """Repeat ``fit``, early stopping included; ``number`` (from 0) decides seed and the tenth of rows left out."""

    def load(self, folder: Path, threads: int = 1) -> Fitted:
        """Read what ``Fitted.save`` wrote."""
