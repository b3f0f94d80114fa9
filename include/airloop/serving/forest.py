"""Boosted trees evaluated with NumPy alone: the same float32 sums as XGBoost, without its cost per call.

One row through 200 trees costs ``Booster.inplace_predict`` 150-250 µs, most of it overhead; here about 35 µs, because
all trees are walked at once, one level a step. Leaves are added in XGBoost's order, so margins are equal bit by bit.
The native model stays the truth: a forest serves only after ``verify_bundle`` has proved it equal (see ``proof``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from airloop.serving import links
from airloop.serving.grow import Table, grow

Array = np.ndarray[Any, Any]
BLOCK = 32
"""Rows walked together: their node numbers stay in the processor's cache."""


@dataclass(frozen=True)
class _Scratch:
    """Arrays reused by every one-row prediction; two of one forest must not run at once."""

    row: Array
    at: Array
    left: Array
    column: Array
    value: Array
    bound: Array
    right: Array
    leaves: Array


class Forest:
    """A gradient-boosted ensemble: ``predict`` maps float32 (n, f) to float32 (n,), or (n, k) for k classes."""

    def __init__(self, table: Table, link: links.Link) -> None:
        self._table = table
        self._link = link
        self._roots = np.arange(table.trees)
        trees = table.trees
        self._scratch = _Scratch(
            row=np.full(table.width, -np.inf, np.float32),
            at=np.empty(trees, np.intp),
            left=np.empty(trees, np.intp),
            column=np.empty(trees, np.intp),
            value=np.empty(trees, np.float32),
            bound=np.empty(trees, np.float32),
            right=np.empty(trees, bool),
            leaves=np.empty((table.groups, 1 + trees // table.groups), np.float32),
        )
        self._scratch.leaves[:, 0] = table.base

    @classmethod
    def from_model(cls, model: Mapping[str, Any]) -> Forest:
        """Return the forest of a model in XGBoost's JSON or UBJSON form. Raises Unsupported for other kinds."""
        learner = model["learner"]
        return cls(grow(learner), links.find(learner["objective"]["name"]))

    def bounds(self, feature: int) -> Array:
        """Return the bounds that a feature is compared with, float32 (b,), each once."""
        table = self._table
        compared = (table.column == feature) | (table.column == table.features + feature)
        return np.unique(table.bound[compared])

    def predict(self, matrix: Array) -> Array:
        """Return probabilities or values; NaN is missing. Single rows must not be asked for by two threads at once."""
        if len(matrix) == 1:
            return self._link.apply(self._margin_of_row(matrix[0]))
        blocks = [self._margins(matrix[start : start + BLOCK]) for start in range(0, len(matrix), BLOCK)]
        groups = self._table.groups
        return self._link.apply(np.concatenate(blocks) if blocks else np.empty((0, groups), np.float32))

    def _margin_of_row(self, row: Array) -> Array:
        table, scratch = self._table, self._scratch
        self._spread_row(row)
        at = self._roots
        # Every tree begins at its root: nothing to look up.
        column, bound, left = (part[: table.trees] for part in (table.column, table.bound, table.left))
        for level in range(table.depth):
            if level:
                column = table.column.take(at, out=scratch.column, mode="clip")
                bound = table.bound.take(at, out=scratch.bound, mode="clip")
                left = table.left.take(at, out=scratch.left, mode="clip")
            scratch.row.take(column, out=scratch.value, mode="clip")
            np.greater_equal(scratch.value, bound, out=scratch.right)
            # The right child lies behind the left one; a leaf is its own left child and never goes right.
            at = np.add(left, scratch.right, out=scratch.at)
        scratch.leaves[:, 1:] = table.leaf.take(at, mode="clip").reshape(table.groups, -1)
        return np.add.accumulate(scratch.leaves, axis=1)[None, :, -1]

    def _spread_row(self, row: Array) -> None:
        """Write the row twice, with missing values below and above every bound, then the outcomes of set splits."""
        table, target = self._table, self._scratch.row
        features = table.features
        low, high = target[:features], target[features : 2 * features]
        low[:] = row
        high[:] = row
        missing = row != row
        if missing.any():
            low[missing] = -np.inf
            high[missing] = np.inf
        for split in table.splits:
            code = row[split.feature]
            if code != code:
                place = split.missing
            else:
                place = int(code) if 0 <= code < split.unknown else split.unknown
            target[split.columns] = split.outcomes[place]

    def _margins(self, matrix: Array) -> Array:
        table = self._table
        rows, trees = len(matrix), table.trees
        flat = self._spread(matrix).ravel()
        offset = (np.arange(rows) * table.width)[:, None]
        column, bound, left = (part[:trees] for part in (table.column, table.bound, table.left))
        at = np.broadcast_to(self._roots, (rows, trees))
        for level in range(table.depth):
            if level:
                column, bound, left = (part.take(at, mode="clip") for part in (table.column, table.bound, table.left))
            right = flat.take(column + offset, mode="clip") >= bound
            at = left + right
        leaves = np.empty((rows, table.groups, 1 + trees // table.groups), np.float32)
        leaves[:, :, 0] = table.base
        leaves[:, :, 1:] = table.leaf.take(at, mode="clip").reshape(rows, table.groups, -1)
        return np.add.accumulate(leaves, axis=2)[:, :, -1]

    def _spread(self, matrix: Array) -> Array:
        table = self._table
        features = table.features
        spread = np.full((len(matrix), table.width), -np.inf, np.float32)
        missing = np.isnan(matrix)
        np.copyto(spread[:, :features], matrix, where=~missing)
        spread[:, features : 2 * features] = np.where(missing, np.float32(np.inf), matrix)
        for split in table.splits:
            code = matrix[:, split.feature]
            known = np.where((code >= 0) & (code < split.unknown), code, split.unknown)
            place = np.where(np.isnan(code), split.missing, known).astype(np.intp)
            spread[:, split.columns] = split.outcomes[place]
        return spread
