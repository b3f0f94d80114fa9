"""Chance: what sampling and natural variation give without any drift."""

from __future__ import annotations

import math

import numpy as np
import pytest

from airloop.monitoring import significance
from airloop.profiles import Profile
from airloop.profiles.distances import METHODS, bins, distance

SHARES = np.array([0.4, 0.3, 0.2, 0.1])


def distances_without_drift(method: str, rows: int, reference_rows: int, draws: int) -> list[tuple[float, int]]:
    """Return distance and degrees of samples of one normal distribution, rounded so that the sketches are small."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(draws):
        sides = [
            Profile.of({"x": rng.normal(size=size).round(1)}, {"x": "number"}).columns["x"]
            for size in (reference_rows, rows)
        ]
        found.append((distance(method, *sides), bins(*sides).degrees))
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_tenth_of_samples_without_drift_has_a_chance_below_a_tenth(method: str) -> None:
    h = 1 / 400 + 1 / 2_000
    found = distances_without_drift(method, 400, 2_000, 60)
    chances = [significance.noise_chance(method, far, degrees, h) for far, degrees in found]
    # Of 60 draws 6 are expected below 0.1; 14 or more have a chance of 0.002.
    assert np.mean(np.array(chances) < 0.1) < 14 / 60
    assert min(chances) < 0.3
    assert np.median(chances) > 0.3


@pytest.mark.parametrize("method", METHODS)
def test_what_sampling_adds_is_taken_away_on_average(method: str) -> None:
    h = 1 / 400 + 1 / 2_000
    found = distances_without_drift(method, 400, 2_000, 40)
    squares = [significance.magnitude(method, far) ** 2 for far, _ in found]
    assert np.mean(squares) == pytest.approx(significance.expected_noise(method, found[0][1], h), rel=0.4)


@pytest.mark.parametrize("method", [*METHODS, "total_variation"])
def test_with_the_rows_needed_the_chance_is_the_level(method: str) -> None:
    needed = significance.rows_needed(method, 0.25, 9, 0.001, 20_000)
    h = 1 / needed + 1 / 20_000
    assert significance.noise_chance(method, 0.25, 9, h) == pytest.approx(0.001, rel=1e-6)
    assert needed < significance.rows_needed(method, 0.25, 9, 0.001, 1_000)


def test_a_reference_too_small_needs_endless_rows() -> None:
    assert math.isinf(significance.rows_needed("psi", 0.25, 9, 0.001, 100))


def test_psi_noise_is_h_times_the_degrees() -> None:
    assert significance.expected_noise("psi", 9, 1 / 600) == pytest.approx(9 / 600)
    assert significance.beyond_noise("psi", 0.265, 9, 1 / 600) == pytest.approx(0.25)
    assert significance.beyond_noise("psi", 0.01, 9, 1 / 600) == 0


def test_natural_chances_keep_the_level_for_gaussian_effects() -> None:
    effects = np.abs(np.random.default_rng(0).normal(size=(4_000, 11)))
    chances = np.array([significance.natural_chance(row[0], row[1:].tolist()) for row in effects])
    for level in (0.5, 0.1, 0.01):
        reached = np.mean(chances <= level)
        assert 0.4 * level < reached < level + 3 * np.sqrt(level / 4_000)


def test_fewer_stretches_need_more_and_many_keep_a_heavy_tail() -> None:
    by_count = [significance.natural_chance(4.0, [1.0] * count) for count in (1, 4, 10, 60)]
    assert by_count == sorted(by_count, reverse=True)
    assert by_count[2] == by_count[3] > 0.001
    assert significance.natural_chance(4.0, []) == 1.0


def test_levels_of_looks_multiply_up_to_the_stated_one() -> None:
    level = significance.level_per_look(0.05, 30)
    assert 1 - (1 - level) ** 30 == pytest.approx(0.05)
    assert significance.level_per_look(0.05, 0.1) == pytest.approx(0.05)


def test_benjamini_hochberg_rejects_up_to_the_last_rank_that_passes() -> None:
    chances = {"a": 0.001, "b": 0.019, "c": 0.03, "d": 0.04, "e": 0.9}
    # 0.019 <= 2/5 and 0.03 <= 3/5 of 0.05, 0.04 is not above 4/5 of it; 0.9 is.
    assert significance.discoveries(chances, 0.05) == {"a", "b", "c", "d"}
    assert significance.discoveries({"a": 0.02, "b": 0.05, "c": 0.06}, 0.05) == frozenset()
    assert significance.discoveries({}, 0.05) == frozenset()


def test_columns_that_must_act_together_keep_the_level_however_they_depend() -> None:
    assert significance.joint_level(0.01, 0.25, 20) == pytest.approx(0.0025)
    assert significance.joint_level(0.01, 0.0, 20) == pytest.approx(0.0005)
