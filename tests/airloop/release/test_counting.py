"""Two servers' counts put together: whose failure is it, when each knows only its own half?"""

from __future__ import annotations

from typing import Any

import pytest

from airloop.release import counting
from airloop.release.evidence import NO_TRAFFIC, Traffic
from airloop.serving.stats import Stats


def told(**counts: int) -> dict[str, Any]:
    """Return counts as a server tells them."""
    return Stats(**counts).as_json()


@pytest.mark.parametrize(
    ("candidate", "champion", "expected"),
    [
        (told(requests=50, failures=3), told(requests=450, instead=3), Traffic(50, 3)),
        (told(requests=50, failures=3, refused=9), told(requests=450, instead=12), Traffic(59, 12)),
        (told(refused=40), told(requests=440, instead=40), Traffic(40, 40)),
        (told(refused=40), told(requests=400, refused=400), Traffic()),
        (told(), told(requests=420, instead=20), Traffic(20, 20)),
        (told(requests=50, failures=3), told(requests=450), Traffic(50, 3)),
    ],
    ids=["failed", "failed-and-refused", "refused", "the-client-s-mistakes", "gone", "asked-by-version"],
)
def test_what_the_champion_was_asked_instead_failed(candidate: Any, champion: Any, expected: Traffic) -> None:
    assert counting.of_candidate(candidate, champion) == expected
    assert counting.own(champion).requests == champion["requests"]


@pytest.mark.parametrize(
    ("copies", "failed", "failed_originals", "expected"),
    [
        (100, 30, 0, Traffic(shadow_requests=100, shadow_failures=30)),
        (100, 30, 30, Traffic(shadow_requests=70)),
        (100, 30, 10, Traffic(shadow_requests=90, shadow_failures=20)),
        (100, 0, 10, Traffic(shadow_requests=100)),
        (99, 29, 30, Traffic(shadow_requests=70)),
    ],
    ids=["only-copies", "the-client-s-mistakes", "some-of-each", "better-than-the-champion", "one-on-its-way"],
)
def test_a_failed_copy_counts_where_the_original_was_answered(
    copies: int, failed: int, failed_originals: int, expected: Traffic
) -> None:
    candidate = told(shadow_requests=copies, shadow_failures=failed)
    assert counting.of_candidate(candidate, told(copied_failures=failed_originals)) == expected


def test_a_server_that_tells_nothing_did_nothing() -> None:
    assert counting.own({}) == NO_TRAFFIC
    assert counting.of_candidate({}, told(requests=10, instead=10)) == NO_TRAFFIC
    assert counting.of_candidate(told(requests=10), {}) == Traffic(10)
