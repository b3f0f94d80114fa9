"""What became of a version, by one rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from airloop.overview.became import KINDS, Became, became

from .one_pipeline import NAME, OnePipeline


@pytest.fixture
def one(tmp_path: Path) -> OnePipeline:
    return OnePipeline.at(tmp_path)


def told(one: OnePipeline, version: str) -> Became:
    ledger = one.workspace.ledger
    entries = [entry for kind in KINDS for entry in ledger.entries(NAME, kind)]
    return became(version, ledger.champions(NAME), entries)


def test_nothing_has_become_of_a_version_that_was_only_judged(one: OnePipeline) -> None:
    one.judged("1")
    assert told(one, "1") == Became()


@pytest.mark.parametrize(("outcome", "word"), [("REFUSED", "refused"), ("ROLLED_BACK", "rolled back")])
def test_a_rollout_that_ended_badly_is_told(one: OnePipeline, outcome: str, word: str) -> None:
    one.went_live("1")
    entry = one.ended(outcome, "2", "run-x", 1)
    assert told(one, "2") == Became(word, entry.recorded_at, None, entry)  # type: ignore[arg-type]
    assert told(one, "1").word == "released"


def test_a_failed_verification_and_a_rejected_approval_are_told_and_passed_ones_are_not(one: OnePipeline) -> None:
    one.verified("2", "too slow")
    one.verified("3")
    one.record("approval", "v3", {"answer": "Approve", "by": "bob", "version": "3"}, run_id="a")
    one.record("approval", "v4", {"answer": "no answer", "by": "", "version": "4"}, run_id="b")
    assert [told(one, version).word for version in ("2", "3", "4")] == ["not verified", "", "not approved"]


def test_a_persons_roll_back_is_told_of_what_went_and_not_of_what_came_back(one: OnePipeline) -> None:
    one.went_live("1")
    one.went_live("2")
    one.went_live("1", restores=1, by="ann")
    assert told(one, "2").word == "rolled back"
    assert told(one, "1").word == "released"
    one.went_live("3")
    assert told(one, "1").word == "released"


def test_the_last_thing_that_happened_counts(one: OnePipeline) -> None:
    one.ended("REFUSED", "1", "run-x", 0)
    one.went_live("1")
    assert told(one, "1").word == "released"
    one.went_live("2")
    one.ended("REFUSED", "1", "run-y", 2)
    assert told(one, "1").word == "refused"


def test_what_is_live_was_released_whatever_another_run_with_the_same_version_came_to(one: OnePipeline) -> None:
    one.went_live("1")
    one.record("approval", "v1", {"answer": "Reject", "by": "bob", "version": "1"}, run_id="a")
    one.ended("REFUSED", "1", "run-y", 1)
    assert told(one, "1").word == "released"
