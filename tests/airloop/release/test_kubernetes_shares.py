"""Shares by numbers of pods."""

from __future__ import annotations

import pytest

from airloop.release.kubernetes.shares import CLOSE, LEAST_PERCENT, MOST, meanwhile, percent_of, pods

SHARES = range(LEAST_PERCENT, 101 - LEAST_PERCENT)


@pytest.mark.parametrize(
    ("percent", "champion", "expected"),
    [
        (10, 1, (9, 1)),
        (10, 2, (9, 1)),
        (50, 1, (1, 1)),
        (50, 2, (2, 2)),
        (20, 2, (4, 1)),
        (25, 2, (3, 1)),
        (33, 2, (2, 1)),
        (90, 1, (1, 9)),
        (90, 2, (2, 17)),
        (90, 5, (1, 9)),
        (5, 2, (16, 1)),
        (3, 2, (19, 1)),
        (50, 15, (15, 15)),
    ],
)
def test_the_fewest_pods_that_come_close_are_taken(percent: int, champion: int, expected: tuple[int, int]) -> None:
    assert pods(percent, champion) == expected


@pytest.mark.parametrize("champion", [1, 2, 3, 8])
def test_every_share_is_within_two_points_of_what_was_asked(champion: int) -> None:
    found = {percent: pods(percent, champion) for percent in SHARES}
    assert all(sum(pair) <= MOST and min(pair) >= 1 for pair in found.values())
    off = {percent: abs(percent_of(*pair) - percent) for percent, pair in found.items()}
    assert max(off.values()) <= 2.1
    assert all(distance <= CLOSE for percent, distance in off.items() if 5 <= percent <= 95 and percent not in (7, 93))


def test_a_share_smaller_than_a_pod_is_refused() -> None:
    with pytest.raises(ValueError, match="1 % of the requests cannot be given by numbers of pods: 3 to 97"):
        pods(1, 2)


@pytest.mark.parametrize(
    ("other", "one", "needed", "expected"), [(9, 1, 5, 5), (7, 1, 3, 5), (4, 1, 5, 4), (5, 5, 5, 5)]
)
def test_pods_are_exchanged_within_the_room_that_there_is(other: int, one: int, needed: int, expected: int) -> None:
    assert meanwhile(other, one, needed) == expected


def test_while_pods_are_exchanged_there_are_neither_too_few_nor_too_many() -> None:
    every = [(o, n, needed) for o in range(1, 20) for n in range(1, 20) for needed in range(n, 20)]
    assert all(meanwhile(o, n, needed) + n >= min(needed, o + n) for o, n, needed in every)
    assert all(meanwhile(o, n, needed) + needed <= max(o + n, 2 * needed) for o, n, needed in every)
    assert all(1 <= meanwhile(o, n, needed) <= o for o, n, needed in every)
