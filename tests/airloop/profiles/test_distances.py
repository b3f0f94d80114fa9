"""Distances on sketches against the same statistics on the rows, by SciPy where it has them."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from airloop.profiles.bins import bins, edges
from airloop.profiles.distances import (
    METHODS,
    aspect,
    aspect_distance,
    chi_square,
    distance,
    ks_p_value,
    new_categories,
    vanished_categories,
)

DISCRETE = {"month": 12, "hour": 20}


def shares_in(cells: pd.Series, edges: list[tuple[float, bool]]) -> np.ndarray:
    """Return the share of cells between edges (value, whether it belongs to the lower bin), and of missing ones."""
    values = cells.dropna().to_numpy(np.float64)
    below = [0, *((values <= edge).sum() if closed else (values < edge).sum() for edge, closed in edges), len(values)]
    return np.array([*np.diff(below), cells.isna().sum()]) / len(cells)


def exact_psi(reference: pd.Series, window: pd.Series, edges: list[tuple[float, bool]]) -> float:
    """Return the index from its definition, half a row in empty bins."""
    one, other = shares_in(reference, edges), shares_in(window, edges)
    used = (one > 0) | (other > 0)
    one = np.where(one > 0, one, 0.5 / len(reference))[used]
    other = np.where(other > 0, other, 0.5 / len(window))[used]
    return float(((other - one) * np.log(other / one)).sum())


def tenths(reference: pd.Series) -> list[tuple[float, bool]]:
    """Return the edges that the bins of many different numbers should have."""
    known = reference.dropna()
    edges = np.unique(np.quantile(known, np.arange(1, 10) / 10, method="inverted_cdf"))
    own = [(edge, False) for edge in edges if (known == edge).mean() >= 0.1]
    return sorted([*own, *((edge, True) for edge in edges)])


def test_real_columns_are_as_far_apart_as_their_rows(flights, column):
    early, late = flights[flights["month"] <= 6], flights[flights["month"] == 7].head(20_000)
    for name in ("arr_delay", "air_time", "distance"):
        one, other = early[name], late[name]
        reference, window = column(one), column(other)
        known = one.dropna(), other.dropna()
        assert distance("kolmogorov_smirnov", reference, window) == pytest.approx(
            stats.ks_2samp(*known).statistic, abs=1e-12
        )
        expected = stats.wasserstein_distance(*known) / known[0].std(ddof=0)
        assert distance("wasserstein", reference, window) == pytest.approx(expected, rel=1e-9)
        edges = tenths(one)
        assert distance("psi", reference, window) == pytest.approx(exact_psi(one, other, edges), rel=1e-9)
        expected = jensenshannon(shares_in(one, edges), shares_in(other, edges), base=2)
        assert distance("jensen_shannon", reference, window) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5])
def test_distances_of_many_different_numbers_are_within_the_error_that_is_stated(many, column, shift):
    one = pd.Series(many[:45_000])
    other = pd.Series(np.random.default_rng(3).permutation(many)[:12_000] + shift * stats.iqr(many))
    reference, window = column(one), column(other)
    assert not reference.is_exact
    error = reference.rank_error + window.rank_error
    assert error < 0.0015
    exact = stats.ks_2samp(one, other).statistic
    assert distance("kolmogorov_smirnov", reference, window) == pytest.approx(exact, abs=error)
    cuts = list(zip(*edges(reference), strict=True))
    found, shares = bins(reference, window), [shares_in(cells, cuts) for cells in (one, other)]
    used = (shares[0] > 0) | (shares[1] > 0)
    np.testing.assert_allclose(found.shares[0], shares[0][used], atol=2 * reference.rank_error)
    np.testing.assert_allclose(found.shares[1], shares[1][used], atol=2 * window.rank_error)
    assert distance("psi", reference, window) == pytest.approx(exact_psi(one, other, cuts), abs=0.01)
    exact = jensenshannon(*shares, base=2)
    assert distance("jensen_shannon", reference, window) == pytest.approx(exact, abs=0.01)


def test_tenths_of_many_different_numbers_are_cut_within_the_error_that_is_stated(many, column):
    reference = column(many)
    values, closed = edges(reference)
    ranked = np.sort(many)
    low, high = (np.searchsorted(ranked, values[closed], side) / len(many) for side in ("left", "right"))
    wanted = np.arange(1, 10) / 10
    error = reference.rank_error + 1e-9
    # Each tenth lies at one of the edges, between the ranks below and at it.
    assert all(((low - error <= tenth) & (tenth <= high + error)).any() for tenth in wanted)


def test_the_way_between_many_different_numbers_is_within_the_error_that_is_stated(column):
    random = np.random.default_rng(4)
    one, other = random.normal(size=45_000), random.normal(0.2, 1.1, 12_000)
    reference, window = column(one), column(other)
    reach = max(one.max(), other.max()) - min(one.min(), other.min())
    exact = stats.wasserstein_distance(one, other) / one.std()
    assert exact > 0.15
    error = (reference.rank_error + window.rank_error) * reach / one.std()
    assert distance("wasserstein", reference, window) == pytest.approx(exact, abs=error)
    assert distance("wasserstein", reference, window) == pytest.approx(exact, abs=0.001)


def test_each_of_few_values_has_a_bin_of_its_own(flights, column):
    for name, different in DISCRETE.items():
        found = bins(column(flights[name]), column(flights[name].head(1_000)))
        assert found.degrees == different - 1
        counts = flights[name].value_counts().sort_index()
        np.testing.assert_allclose(found.reference, counts)
        assert found.labels == tuple(str(value) for value in counts.index)


def test_a_swap_of_two_weekdays_is_seen_though_one_is_rare(column):
    reference = column(np.repeat([0, 1, 2, 3, 4, 5, 6], [50, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000]))
    swapped = column(np.repeat([0, 1, 2, 3, 4, 5, 6], [2_000, 50, 2_000, 2_000, 2_000, 2_000, 2_000]))
    expected = 2 * (2_000 - 50) / 12_050 * math.log(2_000 / 50)
    assert distance("psi", reference, swapped) == pytest.approx(expected)


def test_booleans(column):
    reference, window = column(np.repeat([True, False], [300, 700])), column(np.repeat([True, False], [60, 40]))
    assert bins(reference, window).labels == ("0", "1")
    assert distance("psi", reference, window) == pytest.approx(0.3 * math.log(0.6 / 0.3) - 0.3 * math.log(0.4 / 0.7))
    assert distance("kolmogorov_smirnov", reference, window) == pytest.approx(0.3)


def test_a_value_outside_of_a_constant_is_seen(column):
    reference, window = column(np.zeros(1_000)), column(np.repeat([0.0, 5.0], [900, 100]))
    assert bins(reference, window).labels == ("0", "> 0")
    assert distance("psi", reference, window) > 0.5
    assert distance("kolmogorov_smirnov", reference, window) == pytest.approx(0.1)
    # Without a deviation of its own the constant is measured by that of both together.
    assert distance("wasserstein", reference, column(np.full(10, 7.0))) == pytest.approx(2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("different", [7, 36])
def test_the_rounding_of_another_machine_is_no_drift(column, method, different):
    here = np.cos(np.random.default_rng(0).integers(1, different + 1, 10_000))
    there = here * (1 + np.random.default_rng(1).integers(-4, 5, 10_000) * 2.0**-53)
    assert (here != there).mean() > 0.5
    assert distance(method, column(here), column(there)) < 1e-9


def test_the_most_frequent_value_has_a_bin_of_its_own_among_many(column):
    random = np.random.default_rng(0)
    rain = np.where(random.random(30_000) < 0.9, 0, random.exponential(size=30_000))
    found = bins(column(rain), column(rain[:500]))
    assert found.labels[0] == "0"
    assert found.reference[0] == (rain == 0).sum()


def test_missing_cells_are_a_bin_of_their_own(column):
    reference = column(pd.Series([1.0] * 90 + [None] * 10))
    window = column(pd.Series([1.0] * 50 + [None] * 50))
    assert bins(reference, window).labels == ("1", "(missing)")
    assert distance("psi", reference, window) == pytest.approx(0.4 * math.log(0.5 / 0.1) - 0.4 * math.log(0.5 / 0.9))
    assert distance("kolmogorov_smirnov", reference, window) == 0


@pytest.mark.parametrize("kind", ["number", "category"])
def test_a_column_gone_missing_is_far_away_and_two_of_them_are_alike(column, kind):
    full = column(pd.Series([1.0, 2.0] * 50), kind)
    empty = column(pd.Series([None] * 50, dtype="float64"), kind)
    for method in METHODS:
        assert distance(method, full, empty) >= 1
        assert distance(method, empty, full) >= 1
        assert distance(method, empty, empty) == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_column_is_no_way_from_itself(flights, many, column, method):
    for same in (column(many), column(flights["arr_delay"]), column(flights["dest"], "category")):
        assert distance(method, same, same) == 0


@pytest.mark.parametrize("method", METHODS)
def test_no_distance_is_infinite_or_nan(column, method):
    for cells in ([math.inf, 1.0], [-1.7e308, 1.7e308], [math.inf], [0.0], [1.0, 1.0]):
        found = distance(method, column(cells), column([2.0, 3.0, -math.inf]))
        assert math.isfinite(found) and found > 0


def test_categories_as_far_apart_as_their_shares(flights, column):
    one, other = (flights.loc[flights["month"] == month, "carrier"] for month in (1, 12))
    reference, window = column(one, "category"), column(other, "category")
    names = sorted(set(one) | set(other))
    shares = [np.array([(cells == name).mean() for name in names]) for cells in (one, other)]
    variation = np.abs(shares[0] - shares[1]).sum() / 2
    for method in ("kolmogorov_smirnov", "wasserstein"):
        assert distance(method, reference, window) == pytest.approx(variation)
    assert distance("jensen_shannon", reference, window) == pytest.approx(jensenshannon(*shares, base=2))
    assert bins(reference, window).degrees == len(names) - 1


def test_rare_categories_share_a_bin_and_new_ones_another(column):
    common = [f"c{number:02}" for number in range(20) for _ in range(50)]
    reference = column([*common, "rare", "rarer"], "category")
    window = column([*common[:500], *["rare"] * 5, *["new"] * 7], "category")
    found = bins(reference, window)
    assert found.labels == (*[f"c{number:02}" for number in range(20)], "(other)", "(new)")
    assert found.reference[-2:].tolist() == [2, 0]
    assert found.window[-2:].tolist() == pytest.approx([5, 7])


def test_new_and_vanished_categories_are_named_with_their_shares(column):
    reference, window = column(list("aaab"), "category"), column(list("aaccdccccc"), "category")
    assert new_categories(reference, window) == {"c": 0.7, "d": 0.1}
    assert vanished_categories(reference, window) == {"b": 0.25}
    assert new_categories(reference, reference) == {}


def test_chi_square_is_the_test_of_homogeneity(flights, column):
    one, other = flights["carrier"].head(3_000), flights["carrier"].tail(2_000)
    found = chi_square(column(one, "category"), column(other, "category"))
    names = sorted({*one, *other})
    counts = np.array([[(cells == name).sum() for name in names] for cells in (one, other)])
    is_large = counts.sum(axis=0) * 2_000 / 5_000 >= 5
    assert 0 < (~is_large).sum() < len(names)
    pooled = np.c_[counts[:, is_large], counts[:, ~is_large].sum(axis=1)]
    exact = stats.chi2_contingency(pooled, correction=False)
    assert (found.statistic, found.degrees) == (pytest.approx(exact.statistic), exact.dof)
    assert found.p_value == pytest.approx(exact.pvalue)


@pytest.mark.slow
def test_chi_square_keeps_its_level_with_very_many_rare_categories(column):
    random = np.random.default_rng(5)
    shares = 1 / np.arange(1, 401)
    draws = random.choice(400, (60, 2_500), p=shares / shares.sum()).astype(str)
    rejected = [
        chi_square(column(row[:2_000], "category"), column(row[2_000:], "category")).p_value < 0.05 for row in draws
    ]
    assert np.mean(rejected) <= 0.12


def test_chi_square_of_one_category_says_nothing(column):
    found = chi_square(column(["a"] * 100, "category"), column(["a"] * 50, "category"))
    assert (found.degrees, found.p_value) == (0, 1.0)


def test_the_chance_of_a_kolmogorov_smirnov_distance():
    random = np.random.default_rng(0)
    one, other = random.normal(size=3_000), random.normal(0.05, 1, 2_000)
    expected = stats.ks_2samp(one, other, method="asymp")
    assert ks_p_value(expected.statistic, 3_000, 2_000) == pytest.approx(expected.pvalue, rel=0.1)


def test_what_cannot_be_compared_is_refused(column):
    number, text = column([1.0]), column(["a"], "category")
    with pytest.raises(ValueError, match=r"unknown distance 'psy'\. Did you mean 'psi'"):
        distance("psy", number, number)
    for method in METHODS:
        with pytest.raises(
            ValueError, match="need two columns of numbers or two of categories, got number and category"
        ):
            distance(method, number, text)
        with pytest.raises(ValueError, match="need rows on both sides, got 1 and 0"):
            distance(method, number, column(pd.Series([], dtype="float64")))
    time = column(pd.Series([pd.Timestamp("2013-01-01")]), "time")
    with pytest.raises(ValueError, match="got time and time"):
        distance("psi", time, time)


def test_missing_cells_are_counted_beside_known_ones(column):
    reference, window = column(pd.Series([1.0, 2.0, 3.0, None])), column(pd.Series([1.0, None, None]))
    found = aspect("missing", reference, window)
    assert (found.reference.tolist(), found.window.tolist()) == ([3, 1], [1, 2])


def test_values_that_the_reference_lacks_are_counted_beside_those_it_holds(column):
    numbers = aspect("unseen", column(pd.Series([1.0, 2.0, 5.0])), column(pd.Series([0.0, 1.0, 5.0, 6.0, None])))
    assert (numbers.reference.tolist(), numbers.window.tolist()) == ([3, 0], [2, 2])
    texts = aspect("unseen", column(["a", "b"], "category"), column(["a", "c", "c", "d"], "category"))
    assert texts.window.tolist() == pytest.approx([1, 3])
    assert (aspect_distance("unseen", numbers), aspect_distance("unseen", texts)) == (0.5, pytest.approx(0.75))


def test_a_side_without_a_value_has_nothing_unseen(column):
    empty, full = column(pd.Series([None, None], dtype=float)), column(pd.Series([1.0, 2.0]))
    assert aspect("unseen", empty, full).window.tolist() == [2, 0]
    assert aspect("unseen", full, empty).window.tolist() == [0, 0]
    assert aspect_distance("unseen", aspect("unseen", full, empty)) == 0


@pytest.mark.slow
def test_a_distance_of_categories_is_the_same_in_every_process():
    """A sum in the order of a set's texts, which differs from process to process, would differ in its last digits."""
    script = """
import numpy as np
from airloop.profiles import Profile
from airloop.profiles.distances import distance
names, random = [f"c{number}" for number in range(60)], np.random.default_rng(0)
columns = [Profile.of({"x": random.choice(names, 977 + 31 * i)}, {"x": "category"}).columns["x"] for i in range(12)]
print([distance("wasserstein", columns[0], other) for other in columns])
"""
    said = set()
    for seed in ("1", "2", "3"):
        environ = {**os.environ, "PYTHONPATH": "include", "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
        said.add(done.stdout)
    assert len(said) == 1
