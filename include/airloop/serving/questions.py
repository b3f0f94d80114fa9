"""The questions that trees ask about a row: each different one is asked once, however many nodes ask it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from airloop.serving.links import Unsupported

Array = np.ndarray[Any, Any]
MOST_BYTES = 64_000_000
"""Largest table of answers by category; models with more are left to XGBoost."""


class Number(NamedTuple):
    """Is the feature at least ``bound``? A missing value answers no where ``goes_left``, else yes."""

    feature: int
    bound: float
    goes_left: bool


class Category(NamedTuple):
    """Is the feature one of ``codes``? A missing value answers as for a number; a category never seen answers no."""

    feature: int
    codes: frozenset[int]
    goes_left: bool


@dataclass(frozen=True)
class _Sets:
    """All questions about the categories of one feature: row ``code`` of ``answers`` is what that category answers."""

    feature: int
    columns: slice
    answers: Array
    unknown: int
    missing: int


class Questions:
    """``of_rows`` answers all questions: 1 is yes, and yes leads to the right. The last column is always 0."""

    def __init__(self, numbers: Collection[Number], categories: Collection[Category]) -> None:
        ordered = sorted(numbers, key=lambda asked: (not asked.goes_left, asked.feature, asked.bound))
        self.columns: dict[Number | Category, int] = {asked: place for place, asked in enumerate(ordered)}
        self._feature = np.array([asked.feature for asked in ordered], np.intp)
        self._bound = np.array([asked.bound for asked in ordered], np.float32)
        self._turn = sum(asked.goes_left for asked in ordered)
        """Where the questions begin that a missing value answers with yes: asked as "not below the bound"."""
        self._runs = _runs(ordered)
        self._sets = self._table(categories)
        self.width = len(self.columns) + 1
        self._values = np.empty(len(ordered), np.float32)
        self._row = np.zeros(self.width, np.uint8)

    def of_row(self, row: Array) -> Array:
        """Return the answers of one row, uint8 (width,), valid until the next call."""
        values, turn = row.take(self._feature, out=self._values, mode="clip"), self._turn
        answers = self._row.view(bool)
        late = answers[turn : len(values)]
        np.greater_equal(values[:turn], self._bound[:turn], out=answers[:turn])
        np.logical_not(np.less(values[turn:], self._bound[turn:], out=late), out=late)
        for asked in self._sets:
            code = row[asked.feature]
            if code != code:
                place = asked.missing
            else:
                place = int(code) if 0 <= code < asked.unknown else asked.unknown
            self._row[asked.columns] = asked.answers[place]
        return self._row

    def of_rows(self, matrix: Array) -> Array:
        """Return the answers of rows, uint8 (n, width)."""
        answers = np.zeros((len(matrix), self.width), np.uint8)
        flags = answers.view(bool)
        for feature, run in self._runs:
            compare = np.greater_equal if run.start < self._turn else np.less
            compare(matrix[:, feature, None], self._bound[run], out=flags[:, run])
        late = flags[:, self._turn : len(self._bound)]
        np.logical_not(late, out=late)
        for asked in self._sets:
            code = matrix[:, asked.feature]
            known = np.where((code >= 0) & (code < asked.unknown), code, asked.unknown)
            place = np.where(np.isnan(code), asked.missing, known).astype(np.intp)
            answers[:, asked.columns] = asked.answers[place]
        return answers

    def bounds(self, feature: int) -> Array:
        """Return the bounds that a feature is compared with, float32 (b,), each once."""
        return np.unique(self._bound[self._feature == feature])

    def _table(self, categories: Collection[Category]) -> tuple[_Sets, ...]:
        tables, size = [], 0
        ordered = sorted(categories, key=lambda asked: asked.feature)
        for feature, group in groupby(ordered, key=lambda asked: asked.feature):
            asked = list(group)
            unknown = 1 + max(max(each.codes, default=-1) for each in asked)
            size += (unknown + 2) * len(asked)
            if size > MOST_BYTES:
                raise Unsupported(f"splits by category need more than {MOST_BYTES:,} bytes")
            answers = np.zeros((unknown + 2, len(asked)), np.uint8)
            start = len(self.columns)
            for place, each in enumerate(asked):
                answers[sorted(each.codes), place] = 1
                answers[unknown + 1, place] = not each.goes_left
                self.columns[each] = start + place
            tables.append(_Sets(feature, slice(start, start + len(asked)), answers, unknown, unknown + 1))
        return tuple(tables)


def _runs(ordered: list[Number]) -> list[tuple[int, slice]]:
    """Return feature and columns of neighbouring questions about one feature, answered alike where it is missing."""
    runs, start = [], 0
    for (_, feature), group in groupby(ordered, key=lambda asked: (asked.goes_left, asked.feature)):
        end = start + len(list(group))
        runs.append((feature, slice(start, end)))
        start = end
    return runs
