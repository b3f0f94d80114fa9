"""Numbers: exact while they are counted, within a known error beyond, and the same whatever the order of merging."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airloop.profiles import Profile
from airloop.profiles.column import Column, merge_columns, profile_column
from airloop.profiles.numbers import COUNTED, grouped

COUNTED_COLUMNS = ("month", "hour", "arr_delay", "air_time", "distance")


def check_ranks(column: Column, values: np.ndarray) -> None:
    """Compare with the exact shares at up to 4,000 of the values and a little beside them."""
    ranked = np.sort(values)
    at = np.unique(ranked[:: max(len(ranked) // 4_000, 1)])
    at = np.unique(np.concatenate([at, np.nextafter(at, -np.inf), np.nextafter(at, np.inf)]))
    for found, side in ((column.cdf(at), "right"), (column.below(at), "left")):
        exact = np.searchsorted(ranked, at, side) / len(ranked)
        assert np.abs(found - exact).max() <= column.rank_error + 1e-12


def test_real_columns_are_exact(flights, column):
    for name in COUNTED_COLUMNS:
        values, found = flights[name], column(flights[name])
        assert found.is_exact and found.rank_error == 0
        assert (found.rows, found.nulls, found.distinct) == (336_776, values.isna().sum(), values.nunique())
        assert (found.minimum, found.maximum) == (values.min(), values.max())
        assert found.mean == pytest.approx(values.mean(), rel=1e-12)
        assert found.variance == pytest.approx(values.var(ddof=0), rel=1e-9)
        known = values.dropna().to_numpy(np.float64)
        check_ranks(found, known)
        at = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
        np.testing.assert_array_equal(found.quantiles(at), np.quantile(known, at, method="inverted_cdf"))


def test_ranks_of_many_different_numbers_are_within_the_error_that_is_stated(many, column):
    found = column(many)
    assert not found.is_exact
    assert 0 < found.rank_error < 0.0006
    check_ranks(found, many)
    assert found.distinct == pytest.approx(len(np.unique(many)), rel=0.1)
    finite = many[np.isfinite(many)]
    assert (found.count, found.minimum, found.maximum) == (60_000, many.min(), many.max())
    assert found.mean == pytest.approx(finite.mean(), rel=1e-9)


def test_merging_in_any_order_gives_the_same_and_adds_little_error(many, column):
    parts = [column(part) for part in np.array_split(many, 60)]
    assert all(part.is_exact for part in parts)
    merged = merge_columns(parts)
    assert merge_columns(reversed(parts)) == merged
    assert merged.rank_error < 0.0006
    check_ranks(merged, many)


def test_merging_the_merged_adds_up_the_errors(many, column):
    parts = [column(part) for part in np.array_split(np.concatenate([many, many]), 16)]
    while len(parts) > 1:
        parts = [merge_columns(parts[place : place + 2]) for place in range(0, len(parts), 2)]
    assert parts[0].rank_error < 0.002
    check_ranks(parts[0], np.concatenate([many, many]))


@given(
    st.lists(
        st.lists(st.none() | st.integers(-9, 9) | st.floats(allow_nan=False), max_size=6),
        min_size=1,
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_counted_numbers_forget_how_they_were_cut_and_merged(cells, random):
    whole = profile_column("x", pd.Series([cell for part in cells for cell in part], dtype="float64"), "number")
    parts = [profile_column("x", pd.Series(part, dtype="float64"), "number") for part in cells]
    random.shuffle(parts)
    while len(parts) > 1:
        size = random.randint(2, len(parts))
        parts = [merge_columns(parts[:size]), *parts[size:]]
    assert Profile(0, {"x": parts[0]}).to_bytes() == Profile(0, {"x": whole}).to_bytes()


def test_a_constant(column):
    found = column(np.full(1_000, 0.1))
    assert (found.distinct, found.mean, found.variance) == (1, 0.1, 0.0)
    assert found.quantiles(np.array([0.0, 0.5, 1.0])).tolist() == [0.1, 0.1, 0.1]


def test_one_row(column):
    found = column([3.5])
    assert (found.rows, found.minimum, found.maximum, found.mean, found.variance) == (1, 3.5, 3.5, 3.5, 0.0)


def test_nothing_but_nulls(column):
    found = column(pd.Series([None, math.nan], dtype="float64"))
    assert (found.rows, found.nulls, found.null_share, found.distinct) == (2, 2, 1.0, 0)
    assert (found.minimum, found.maximum, found.mean, found.variance) == (None, None, None, None)
    with pytest.raises(ValueError, match="a column with 2 nulls and no number has no quantiles"):
        found.quantiles(np.array([0.5]))


def test_no_row(column):
    found = column(pd.Series([], dtype="float64"))
    assert (found.rows, found.null_share, found.is_exact) == (0, 0.0, True)
    assert found.cdf(np.array([0.0])).tolist() == [0.0]


def test_infinite_numbers_are_the_smallest_and_largest_and_in_no_mean(column):
    found = column([-math.inf, 1.0, 3.0, math.inf, math.inf])
    assert (found.minimum, found.maximum, found.mean, found.variance) == (-math.inf, math.inf, 2.0, 1.0)
    assert found.cdf(np.array([-math.inf, 0.0, 3.0, math.inf])).tolist() == [0.2, 0.2, 0.6, 1.0]


def test_squares_that_no_double_holds_are_infinite_and_ranks_are_still_right(column):
    found = column([-1.5e154, 1.5e154, 1.7e308])
    assert found.variance == math.inf
    assert found.cdf(np.array([0.0, 1.6e154])).tolist() == [1 / 3, 2 / 3]
    assert column([-1.2e154, 1.2e154]).variance == math.inf


def test_booleans_integers_and_zeros_of_both_signs(column):
    assert column([True, False, True]) == column([1, 0, 1]) == column([1.0, -0.0, 1.0])
    nullable = column(pd.Series([True, None, False], dtype="boolean"))
    assert (nullable.nulls, nullable.mean) == (1, 0.5)
    large = column(np.array([2**53, 2**53 - 1], dtype=np.int64))
    assert large.distinct == 2


def test_arrays_that_may_not_be_written_are_taken(column):
    values = np.random.default_rng(0).normal(size=9_000)
    values.flags.writeable = False
    assert column(values) == column(values.copy())


def test_the_same_rows_give_the_same_bytes(many, column):
    assert column(many) == column(many.copy())


def test_a_value_that_occurs_often_stays_exact_among_many(column):
    random = np.random.default_rng(0)
    values = np.where(random.random(50_000) < 0.3, 21.5, random.normal(20, 5, 50_000))
    found = column(values)
    share = found.cdf(np.array([21.5])) - found.below(np.array([21.5]))
    assert share == pytest.approx((values == 21.5).mean(), abs=1e-12)


def test_groups_keep_all_weight_and_say_how_far_they_move_a_rank():
    values, weights = np.arange(10.0), np.array([1, 1, 1, 1, 20, 1, 1, 1, 1, 1])
    points, sums, slack = grouped(values, weights, 4)
    assert (points.tolist(), sums.tolist()) == ([1.0, 4.0, 7.0], [4, 20, 5])
    assert slack == 2  # two of the numbers below 1.0 or above 7.0 count on the wrong side


def test_as_many_as_are_counted_are_exact_and_one_more_is_not(column):
    assert column(np.arange(COUNTED)).is_exact
    assert not column(np.arange(COUNTED + 1)).is_exact
    halves = [column(np.arange(COUNTED)), column(np.arange(1, COUNTED + 1))]
    assert not merge_columns(halves).is_exact


@pytest.mark.slow
def test_more_parts_than_wait_at_once(column):
    values = np.random.default_rng(2).standard_cauchy(1_200_000)
    parts = [column(part) for part in np.array_split(values, 300)]
    assert all(part.is_exact for part in parts)
    merged = merge_columns(parts)
    assert merge_columns(reversed(parts)) == merged
    assert merged.rank_error < 0.0006
    check_ranks(merged, values)


@pytest.mark.slow
def test_ten_million_rows(column):
    random = np.random.default_rng(1)
    values = random.standard_cauchy(10_000_000)
    found = column(values)
    assert found.rank_error < 0.001
    check_ranks(found, values)
    hours = random.integers(0, 24, 10_000_000)
    counted = column(hours)
    assert counted.is_exact
    assert counted.points[1].tolist() == np.bincount(hours).tolist()
    assert counted.mean == pytest.approx(hours.mean(), rel=1e-12)
