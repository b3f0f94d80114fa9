"""Categories: counted while there are few, the frequent ones known beyond that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from airloop.profiles.categories import SHARE_ERROR
from airloop.profiles.column import merge_columns


def test_real_columns_are_exact(flights, column):
    for name in ("carrier", "origin", "dest", "tailnum"):
        values, found = flights[name], column(flights[name], "category")
        assert found.is_exact
        assert (found.rows, found.nulls, found.distinct) == (336_776, values.isna().sum(), values.nunique())
        exact = values.value_counts(normalize=True).to_dict()
        assert found.shares() == pytest.approx(exact, abs=1e-15)
        assert (found.minimum, found.mean, found.variance) == (None, None, None)


def test_merging_in_any_order_gives_the_same(flights, column):
    parts = [column(part, "category") for _, part in flights.groupby(["month", "day"])["dest"]]
    assert len(parts) == 365
    whole = column(flights["dest"], "category")
    assert merge_columns(parts) == merge_columns(reversed(parts)) == whole
    assert merge_columns([merge_columns(parts[:100]), merge_columns(parts[100:])]) == whole


def test_the_frequent_of_very_many_categories_are_within_the_error_that_is_stated(flights, column):
    cells = (flights["tailnum"] + flights["dest"]).head(100_000)
    cells = cells.mask(np.random.default_rng(0).random(len(cells)) < 0.2, "the same")
    exact = cells.value_counts(normalize=True)
    whole = column(cells, "category")
    parts = [column(part, "category") for part in np.array_split(cells.to_numpy(), 3)]
    for found in (whole, merge_columns(parts), merge_columns(reversed(parts))):
        assert not found.is_exact
        assert found.distinct == pytest.approx(len(exact), rel=0.06)
        shares = found.shares()
        assert max(abs(share - exact[name]) for name, share in shares.items()) <= SHARE_ERROR
        assert {name for name, share in exact.items() if share > 2 * SHARE_ERROR} <= set(shares)
    assert column(cells.copy(), "category") == whole
    assert merge_columns(parts) == merge_columns(reversed(parts))


def test_a_category_is_the_text_of_its_value(column):
    mixed = column(np.array([1, "1", None, 2.5], dtype=object), "category")
    assert (mixed.shares(), mixed.nulls) == ({"1": 2 / 3, "2.5": 1 / 3}, 1)
    known = column(pd.Series(["a", "b", None], dtype="category").cat.add_categories("never"), "category")
    assert (known.shares(), known.nulls) == ({"a": 0.5, "b": 0.5}, 1)


def test_nothing_but_nulls(column):
    found = column(pd.Series([None, None], dtype=object), "category")
    assert (found.rows, found.nulls, found.distinct, found.shares()) == (2, 2, 0, {})


def test_categories_have_no_order(column):
    with pytest.raises(ValueError, match="a column of kind 'category' has no quantiles; numbers have"):
        column(["a"], "category").quantiles(np.array([0.5]))
    with pytest.raises(ValueError, match="a column of kind 'number' has no shares; categories have"):
        column([1.0]).shares()
