"""What counts say: exact where chance decides, and never decided by microseconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from airloop.release.evidence import Traffic, chance_of_split, failures, latency, share


def answered(requests: int, failed: int = 0, p99: float = 3.0) -> Traffic:
    return Traffic(requests=requests, failures=failed, latency_p99_ms=p99)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_the_chance_is_that_of_fishers_exact_test(failed: int, good: int, other_failed: int, other_good: int) -> None:
    expected = fisher_exact([[failed, good], [other_failed, other_good]], alternative="greater").pvalue
    found = chance_of_split(failed, failed + good, other_failed, other_failed + other_good)
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("candidate", "champion", "verdict"),
    [
        (answered(200), answered(1800), "good"),
        (answered(200, 1), answered(1800), "unclear"),  # one failure alone may be chance
        (answered(200, 2), answered(1800), "bad"),
        (answered(200, 2), answered(200), "unclear"),
        (answered(200, 6), answered(200), "unclear"),
        (answered(200, 8), answered(200), "bad"),
        (answered(200, 6), answered(200, 6), "good"),  # both fail alike: not the candidate's fault
        (answered(10, 3), answered(90), "bad"),  # before enough requests only what is certain
        (answered(10, 1), answered(90), "unclear"),
        (answered(0), answered(0), "good"),
        (answered(20, 20), answered(0), "unclear"),  # nothing to compare with
    ],
)
def test_failures_are_compared_with_the_champions(candidate: Traffic, champion: Traffic, verdict: str) -> None:
    assert failures(candidate, champion, allowed=0.0, enough=200).verdict == verdict


def test_an_allowed_share_of_failures_is_allowed() -> None:
    assert failures(answered(200, 10), answered(1800), allowed=0.05, enough=200).verdict == "good"
    assert failures(answered(200, 20), answered(1800), allowed=0.05, enough=200).verdict == "bad"


@pytest.mark.parametrize(
    ("candidate", "champion", "verdict"),
    [
        (answered(200, p99=0.4), answered(1800, p99=0.1), "good"),  # four times slower, by microseconds
        (answered(200, p99=7.0), answered(1800, p99=3.0), "good"),
        (answered(200, p99=60.0), answered(1800, p99=40.0), "good"),
        (answered(200, p99=90.0), answered(1800, p99=40.0), "unclear"),  # two slow requests of 200
        (answered(400, p99=90.0), answered(1800, p99=40.0), "bad"),
        (answered(400, p99=90.0), answered(3, p99=40.0), "unclear"),
    ],
)
def test_latency_is_too_high_only_by_ratio_and_milliseconds(
    candidate: Traffic, champion: Traffic, verdict: str
) -> None:
    judged = latency(candidate, champion, ratio=2.0, enough=200)
    assert judged.verdict == verdict
    assert f"p99 {candidate.latency_p99_ms:.1f} ms, champion {champion.latency_p99_ms:.1f} ms" in judged.reason


def test_counts_that_fell_were_reset_and_are_all_new() -> None:
    assert answered(300, 3).since(answered(100, 1)) == answered(200, 2)
    assert answered(30, 1).since(answered(100, 1)) == answered(30, 1)


@pytest.mark.parametrize(
    ("candidate", "champion", "percent", "verdict"),
    [
        (0, 0, 10, "good"),
        (100, 900, 10, "good"),
        (190, 810, 10, "good"),  # numbers of pods, and connections that stay, are coarse
        (500, 500, 10, "bad"),  # the weights are ignored
        (1000, 0, 10, "bad"),
        (20, 20, 10, "good"),  # few requests may fall like this
        (0, 1200, 10, "unclear"),
        (0, 40, 10, "good"),
        (600, 400, 50, "good"),
        (1000, 0, 50, "bad"),
        (0, 1000, 50, "unclear"),
        (700, 300, 90, "unclear"),
        (1000, 0, 90, "bad"),
        (100, 0, 90, "good"),
    ],
)
def test_the_share_that_was_got_is_compared_with_the_one_asked_for(
    candidate: int, champion: int, percent: int, verdict: str
) -> None:
    assert share(answered(candidate), answered(champion), percent=percent).verdict == verdict
