"""Pausing releases: what holds, what is refused meanwhile, and that no order of events gets past it."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airloop.errors import LedgerError, ReleaseRefused
from airloop.ledger import Champion, Ledger, pausing

MARCH = datetime(2013, 3, 18, tzinfo=UTC)


def promote(ledger: Ledger, bundle: str, expected: int, **more: Any) -> Champion:
    given = {"target": "local", "run_id": f"run-{bundle}", "kind": "release"} | more
    return ledger.promote(
        "flights",
        bundle=bundle,
        version=bundle.upper(),
        data_cut_off=MARCH + timedelta(days=expected),
        expected_generation=expected,
        reasons=["good"],
        **given,
    )


def test_releases_are_not_paused_until_somebody_pauses_them(ledger: Ledger) -> None:
    assert ledger.paused("flights") is None
    assert ledger.resume("flights", by="ann") is None
    assert ledger.entries("flights") == []


def test_a_pause_says_who_why_and_since_when(ledger: Ledger) -> None:
    pause = ledger.pause("flights", by=" ann ", reason="  wrong prices ")
    assert ledger.paused("flights") == pause
    assert pause.payload == {"is_paused": True, "by": "ann", "reason": "wrong prices"}
    said = pausing.told(pause)
    assert said == f"releases are paused by ann since {pause.recorded_at:%Y-%m-%d %H:%M} UTC: wrong prices"
    assert ledger.paused("trains") is None


def test_a_second_pause_is_the_first_one_and_both_learn_whose_it_is(ledger: Ledger) -> None:
    first = ledger.pause("flights", by="ann", reason="wrong prices")
    assert ledger.pause("flights", by="bob", reason="holidays") == first
    assert len(ledger.entries("flights", "pause")) == 1


def test_what_was_paused_and_resumed_can_be_paused_again_and_all_of_it_is_kept(ledger: Ledger) -> None:
    for _ in range(2):
        ledger.pause("flights", by="ann", reason="wrong prices")
        resumed = ledger.resume("flights", by="bob", reason="mended")
        assert resumed is not None
        assert resumed.payload == {"is_paused": False, "by": "bob", "reason": "mended"}
    assert ledger.paused("flights") is None
    assert [entry.payload["is_paused"] for entry in ledger.entries("flights", "pause")] == [False, True, False, True]


@pytest.mark.parametrize(
    ("by", "reason", "said"),
    [
        ("  ", "why", "flights: nobody is named who pauses or resumes its releases"),
        ("ann", " ", "flights: a pause needs a reason, for those who wait for a release"),
        ("ann", "x" * 501, "flights: a reason of 501 characters; at most 500 are kept in the ledger"),
    ],
)
def test_a_pause_needs_a_name_and_a_reason(ledger: Ledger, by: str, reason: str, said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        ledger.pause("flights", by=by, reason=reason)
    assert ledger.entries("flights") == []


@pytest.mark.parametrize("released_before", [0, 1])
def test_while_paused_nothing_is_released_not_even_first(ledger: Ledger, released_before: int) -> None:
    if released_before:
        promote(ledger, "a", 0)
    ledger.pause("flights", by="ann", reason="wrong prices")
    asked = {"bundle": "b", "version": "B", "data_cut_off": MARCH, "run_id": "x"}
    said = r"flights: releases are paused by ann since .* UTC: wrong prices; `python -m airloop resume flights` lets"
    for target in ("local", "docker"):
        with pytest.raises(ReleaseRefused, match=said):
            promote(ledger, "b", released_before if target == "local" else 0, target=target)
        assert "paused by ann" in ledger.refusal("flights", target, **asked)  # type: ignore[arg-type]
    ledger.resume("flights", by="bob")
    assert promote(ledger, "b", released_before).version == "B"


def test_a_retry_of_what_is_live_already_is_answered_while_paused(ledger: Ledger) -> None:
    live = promote(ledger, "a", 0)
    ledger.pause("flights", by="ann", reason="wrong prices")
    assert promote(ledger, "a", 0) == live
    asked = {"bundle": "a", "version": "A", "data_cut_off": MARCH, "run_id": "x"}
    assert ledger.refusal("flights", "local", **asked) == ""  # type: ignore[arg-type]


def test_a_roll_back_is_possible_while_paused(ledger: Ledger) -> None:
    promote(ledger, "a", 0)
    promote(ledger, "b", 1)
    ledger.pause("flights", by="ann", reason="wrong prices")
    assert promote(ledger, "a", 2, run_id="undo", kind="roll_back", restores=1).generation == 3


ACTS = st.lists(st.sampled_from(["pause", "resume", "release", "roll_back"]), max_size=25)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(acts=ACTS)
def test_no_order_of_events_makes_a_release_live_while_paused(
    acts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('any')}/ledger.db")
    is_paused = False
    for number, act in enumerate(acts):
        before = ledger.champions("flights")
        if act == "pause":
            is_paused = bool(ledger.pause("flights", by="ann", reason="why"))
        elif act == "resume":
            assert (ledger.resume("flights", by="ann") is not None) == is_paused
            is_paused = False
        elif act == "release":
            with suppress(ReleaseRefused):
                promote(ledger, f"b{number}", len(before))
            assert len(ledger.champions("flights")) == len(before) + (not is_paused)
        elif len(before) > 1:
            back = {"kind": "roll_back", "run_id": f"undo-{number}", "restores": before[1].released_as}
            promote(ledger, before[1].bundle, len(before), **back)
        assert (ledger.paused("flights") is not None) == is_paused


def _release_and_release(url: str, begin: Any) -> None:
    ledger = Ledger(url)
    begin.wait()
    for number in range(200):
        with suppress(ReleaseRefused):
            promote(ledger, f"b{number}", len(ledger.champions("flights")))


@pytest.mark.slow
def test_of_two_processes_one_that_releases_stops_at_the_moment_in_which_the_other_pauses(ledger: Ledger) -> None:
    promote(ledger, "first", 0)
    begin = multiprocessing.get_context("spawn").Barrier(2)
    other = multiprocessing.get_context("spawn").Process(target=_release_and_release, args=(ledger.url, begin))
    other.start()
    begin.wait()
    while len(ledger.champions("flights")) < 5:
        pass
    pause = ledger.pause("flights", by="ann", reason="wrong prices")
    live = ledger.live("flights", "local")
    other.join()
    assert ledger.live("flights", "local") == live
    assert live is not None
    assert live.recorded_at <= pause.recorded_at
