"""Boosted trees evaluated with NumPy alone: the same float32 sums as XGBoost, without its cost per call.

One row through 200 trees costs ``Booster.inplace_predict`` 150-250 µs, most of it overhead; here about 25 µs, because
all trees are walked at once, one level a step. Leaves are added in XGBoost's order, so margins are equal bit by bit.
The native model stays the truth: a forest serves only after ``verify_bundle`` has proved it equal (see ``proof``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from airloop.serving import links
from airloop.serving.grow import Table, grow

Array = np.ndarray[Any, Any]
FEW = 4
"""So many rows are walked one by one: together they would cost more."""
BLOCK = 64
"""Rows walked together: what they answer and where they are stays in the processor's cache."""


class Forest:
    """A gradient-boosted ensemble: ``predict`` maps float32 (n, f) to float32 (n,), or (n, k) for k classes."""

    def __init__(self, table: Table, link: links.Link) -> None:
        self._table = table
        self._link = link
        self._roots = np.arange(table.trees)
        self._leaves = self._sums(1)

    @classmethod
    def from_model(cls, model: Mapping[str, Any]) -> Forest:
        """Return the forest of a model in XGBoost's JSON or UBJSON form. Raises Unsupported for other kinds."""
        learner = model["learner"]
        return cls(grow(learner), links.find(learner["objective"]["name"]))

    def bounds(self, feature: int) -> Array:
        """Return the bounds that a feature is compared with, float32 (b,), each once."""
        return self._table.questions.bounds(feature)

    def predict(self, matrix: Array) -> Array:
        """Return probabilities or values; NaN is missing. Single rows must not be asked for by two threads at once."""
        if len(matrix) == 1:
            return self._link.apply(self._margin_of_row(matrix[0]))
        if len(matrix) <= FEW:
            blocks = [self._margin_of_row(row) for row in matrix]
        else:
            blocks = [self._margins(matrix[start : start + BLOCK]) for start in range(0, len(matrix), BLOCK)]
        groups = self._table.groups
        return self._link.apply(np.concatenate(blocks) if blocks else np.empty((0, groups), np.float32))

    def _margin_of_row(self, row: Array) -> Array:
        table = self._table
        answers = table.questions.of_row(row)
        column, left = table.column[: table.trees], table.left[: table.trees]
        at = self._roots
        for level in range(table.depth):
            if level:
                column, left = table.column[at], table.left[at]
            at = left + answers[column]
        self._leaves[:, :, 1:] = table.leaf[at].reshape(table.groups, -1)
        return np.add.accumulate(self._leaves, axis=2)[:, :, -1]

    def _margins(self, matrix: Array) -> Array:
        table, rows = self._table, len(matrix)
        answers = table.questions.of_rows(matrix)
        flat, offset = answers.ravel(), (np.arange(rows) * answers.shape[1])[:, None]
        column, left = table.column[: table.trees], table.left[: table.trees]
        at = np.broadcast_to(self._roots, (rows, table.trees))
        for level in range(table.depth):
            if level:
                # For many numbers take() is faster than an index, for few it is slower.
                column, left = table.column.take(at, mode="clip"), table.left.take(at, mode="clip")
            at = left + flat.take(column + offset, mode="clip")
        leaves = self._sums(rows)
        leaves[:, :, 1:] = table.leaf.take(at, mode="clip").reshape(rows, table.groups, -1)
        return np.add.accumulate(leaves, axis=2)[:, :, -1]

    def _sums(self, rows: int) -> Array:
        """Return float32 (rows, groups, 1 + trees of a group) whose first column is the base score."""
        table = self._table
        sums = np.empty((rows, table.groups, 1 + table.trees // table.groups), np.float32)
        sums[:, :, 0] = table.base
        return sums
