"""One column's profile: how many values and nulls, their range and moments, and a sketch of their distribution."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from airloop.profiles import categories, numbers
from airloop.profiles.categories import Categories
from airloop.profiles.numbers import Integers, Numbers, Vector

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "category", "time"]


class Span(msgspec.Struct, frozen=True, tag="time"):
    """What is kept of times: their range, in microseconds since 1970 UTC."""

    count: int
    minimum: int
    maximum: int


class Column(msgspec.Struct, frozen=True):
    """A column of ``rows`` cells, ``nulls`` of which are missing.

    Statistics are of the ``count`` others. Those that its kind does not have are None (``minimum`` of categories) or
    raise ValueError (``quantiles``).
    """

    nulls: int
    sketch: Numbers | Categories | Span

    def __repr__(self) -> str:
        exact = "exact" if self.is_exact else "sketched"
        return f"Column({self.kind}, {self.rows} rows, {self.nulls} nulls, {self.distinct} distinct, {exact})"

    @property
    def kind(self) -> Kind:
        """What its values are."""
        if isinstance(self.sketch, Span):
            return "time"
        return "number" if isinstance(self.sketch, Numbers) else "category"

    @property
    def count(self) -> int:
        """Values that are not missing."""
        return self.sketch.count

    @property
    def rows(self) -> int:
        """All cells."""
        return self.count + self.nulls

    @property
    def null_share(self) -> float:
        """Share of missing cells, 0 without rows."""
        return self.nulls / self.rows if self.rows else 0.0

    @property
    def minimum(self) -> float | None:
        """Smallest number, -inf included, or earliest time in microseconds since 1970 UTC."""
        return None if isinstance(self.sketch, Categories) or not self.count else self.sketch.minimum

    @property
    def maximum(self) -> float | None:
        """Largest number, inf included, or latest time in microseconds since 1970 UTC."""
        return None if isinstance(self.sketch, Categories) or not self.count else self.sketch.maximum

    @property
    def mean(self) -> float | None:
        """Mean of the finite numbers."""
        return self.sketch.mean if isinstance(self.sketch, Numbers) and self.sketch.finite else None

    @property
    def variance(self) -> float | None:
        """Mean squared deviation of the finite numbers from their mean (n in the denominator)."""
        if not isinstance(self.sketch, Numbers) or not self.sketch.finite:
            return None
        return self.sketch.squares / self.sketch.finite

    @property
    def distinct(self) -> int | None:
        """Different values: exact, or an estimate with a standard error below 5 %; None for times."""
        return None if isinstance(self.sketch, Span) else self.sketch.distinct

    @property
    def is_exact(self) -> bool:
        """Whether every value is counted, so that all statistics are exact."""
        return isinstance(self.sketch, Span) or self.sketch.is_exact

    @property
    def rank_error(self) -> float:
        """Largest error of ``cdf`` and ``below``, 0 to 1: known, not estimated; 0 where ``is_exact``."""
        return self.sketch.slack / self.count if isinstance(self.sketch, Numbers) and self.count else 0.0

    @property
    def points(self) -> tuple[Vector, Integers]:
        """Different numbers, rising, and how many cells each stands for (their sum is ``count``); shape (m,)."""
        return self._numbers("points").points

    def cdf(self, points: Vector) -> Vector:
        """Return the share of the numbers that are at most each of ``points``, shape (m,)."""
        sketch = self._numbers("a cdf")
        return np.asarray(sketch.ranks[np.searchsorted(sketch.points[0], points, "right")])

    def below(self, points: Vector) -> Vector:
        """Return the share of the numbers that are less than each of ``points``, shape (m,)."""
        sketch = self._numbers("a cdf")
        return np.asarray(sketch.ranks[np.searchsorted(sketch.points[0], points, "left")])

    def quantiles(self, ranks: Vector) -> Vector:
        """Return the smallest numbers at or below which a share of ``ranks`` (0 to 1) lies, shape (m,).

        Raises ValueError where there is no number.
        """
        sketch = self._numbers("quantiles")
        if not sketch.count:
            raise ValueError(f"a column with {self.nulls} nulls and no number has no quantiles")
        # What rounding adds to a sum of shares must not lead to the next value.
        places = np.searchsorted(sketch.ranks[1:], np.asarray(ranks) - 1e-12, "left")
        return np.asarray(sketch.points[0][np.minimum(places, len(sketch.points[0]) - 1)])

    def shares(self) -> dict[str, float]:
        """Return category → share of the values that are not missing; the frequent ones where there are very many."""
        if not isinstance(self.sketch, Categories):
            raise ValueError(f"a column of kind {self.kind!r} has no shares; categories have")
        return {name: count / self.count for name, count in self.sketch.counts.items()}

    def _numbers(self, what: str) -> Numbers:
        if not isinstance(self.sketch, Numbers):
            raise ValueError(f"a column of kind {self.kind!r} has no {what}; numbers have")
        return self.sketch


def profile_column(name: str, values: pd.Series[Any] | np.ndarray[Any, Any], kind: Kind) -> Column:
    """Return the profile of a column's cells. Raises DataError naming the column when they are not of that kind."""
    from airloop.profiles import cells

    if kind == "number":
        found = cells.numbers_of(name, values)
        return Column(len(values) - len(found), numbers.of_values(found))
    if kind == "category":
        counts = cells.category_counts(values)
        return Column(len(values) - sum(counts.values()), categories.of_counts(counts))
    count, minimum, maximum = cells.time_range(name, values)
    return Column(len(values) - count, Span(count, minimum, maximum))


def merge_columns(columns: Iterable[Column]) -> Column:
    """Return the profile of all columns' cells. Raises ValueError for kinds that differ."""
    every = list(columns)
    nulls = sum(column.nulls for column in every)
    sketches = [column.sketch for column in every]
    if all(isinstance(sketch, Numbers) for sketch in sketches):
        return Column(nulls, numbers.merged([sketch for sketch in sketches if isinstance(sketch, Numbers)]))
    if all(isinstance(sketch, Categories) for sketch in sketches):
        return Column(nulls, categories.merged([sketch for sketch in sketches if isinstance(sketch, Categories)]))
    spans = [sketch for sketch in sketches if isinstance(sketch, Span)]
    if len(spans) < len(sketches):
        raise ValueError(f"kinds differ: {', '.join(sorted({column.kind for column in every}))}")
    known = [span for span in spans if span.count]
    low, high = min((span.minimum for span in known), default=0), max((span.maximum for span in known), default=0)
    return Column(nulls, Span(sum(span.count for span in spans), low, high))
