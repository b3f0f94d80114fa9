"""Why a candidate did not go live: its gates, or what ended its way after them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from airloop.gates.verdict import Status

from .asking_why import answer, note, states, told
from .one_pipeline import LIMITS, NAME, OnePipeline, absolute, versus, week


@pytest.fixture
def one(tmp_path: Path) -> OnePipeline:
    return OnePipeline.at(tmp_path)


def test_a_rejected_candidate_says_which_gates_failed_and_by_how_much(one: OnePipeline) -> None:
    one.went_live("1")
    short = absolute(status=Status.FAIL, reason="roc_auc 0.6 is below the least allowed, 0.62", value=0.6)
    one.judged("2", "REJECT", gates=(versus(), short, LIMITS), reasons=(short.reason,), against="1")
    found = told(one, version="2")
    assert found.question == "Why is version 2 not live?"
    said = "It was judged not good enough, 1 of 2 gates failed: roc_auc 0.6 is below the least allowed, 0.62."
    assert (found.word, found.answer) == ("REJECT", said)
    assert states(found)[:2] == [("bad", short.reason), ("good", "better")]
    assert found.next[0] == "roc_auc at least 0.62: 0.02 short of passing."
    assert found.next[-1] == "Version 1 stays live."
    assert ("Version 1, which it was compared with", "version=1") in [(r.title, r.query) for r in found.related]


def test_a_held_candidate_says_how_many_rows_would_decide_it(one: OnePipeline) -> None:
    open_ = versus(status=Status.UNDECIDED, reason="between worse and better", needed_rows=19_000)
    one.judged("2", "HOLD", gates=(open_,), reasons=(open_.reason,))
    found = told(one, version="2")
    assert (found.word, found.answer) == ("HOLD", "The gates could not decide: between worse and better.")
    assert states(found)[0] == ("open", "between worse and better")
    rows = "log_loss at most 0.01 worse than the champion's: about 19,000 further labelled rows would decide it."
    assert found.next[0] == rows
    assert found.next[-1] == "Nothing is live yet."


def test_a_candidate_whose_details_are_gone_is_told_from_the_ledger(one: OnePipeline) -> None:
    one.judged("2", "REJECT", reasons=("roc_auc 0.6 is below 0.62",))
    one.lost("verdicts")
    found = told(one, version="2")
    assert ("bad", "roc_auc 0.6 is below 0.62") in states(found)


@pytest.mark.parametrize(
    ("reasons", "helps"),
    [
        (
            ["flights: releases are paused by ann since 2026-11-22 12:00 UTC: prices; `python -m airloop resume`"],
            "Once releases go on, clear the task release of its run, or train again.",
        ),
        (["data up to 2013, older than the champion's 2014"], "Train on newer data; to go back on purpose, roll back"),
        (["another run released generation 2 first"], "Start a new run of training."),
    ],
)
def test_a_refused_release_says_what_would_help(one: OnePipeline, reasons: list[str], helps: str) -> None:
    one.went_live("1")
    one.judged("2")
    one.ended("REFUSED", "2", "run-x", 1, reasons=reasons)
    found = told(one, version="2")
    assert found.word == "REFUSED"
    assert found.answer.startswith("The gates let it pass, but its release was refused: ")
    assert "`" not in found.answer
    assert any(text.startswith(helps) for text in found.next)


def test_while_releases_are_paused_it_says_who_and_why(one: OnePipeline) -> None:
    one.judged("2", "HOLD")
    one.workspace.ledger.pause(NAME, by="ann", reason="wrong prices")
    (pause,) = [text for text in told(one, version="2").next if "paused" in text]
    assert re.fullmatch(
        r"Releases are paused by ann since [\d :-]+UTC: “wrong prices”\. Nothing new .* resumes them\.", pause
    )


def test_a_rollout_that_was_judged_worse_says_at_which_step(one: OnePipeline) -> None:
    one.went_live("1")
    one.judged("2")
    steps = [
        {"step": "10 %", "action": "PROMOTE", "reasons": ["10 %: 208 requests"]},
        {"step": "50 %", "action": "ROLL_BACK", "reasons": ["50 %: 90 requests", "30 of 90 failed, champion 0 of 91"]},
    ]
    one.ended("ROLLED_BACK", "2", "run-x", 1, steps=steps)
    found = told(one, version="2")
    assert found.word == "ROLLED_BACK"
    assert found.answer.endswith("its rollout was rolled back: 50 %: 90 requests; 30 of 90 failed, champion 0 of 91.")


def test_a_candidate_that_was_not_verified_or_not_approved_says_so(one: OnePipeline) -> None:
    one.judged("2")
    one.verified("2", "p99 latency 40 ms is above 25 ms")
    found = told(one, version="2")
    assert found.word == "NOT_VERIFIED"
    assert found.answer.endswith("did not pass its verification: p99 latency 40 ms is above 25 ms.")
    assert ("bad", "p99 latency at most 25 ms: p99 latency 40 ms is above 25 ms") in states(found)
    digest = note(one, "3", "PROMOTE", "run-3")
    answer(one, digest, "3", "run-3", "Reject", by="bob", comment="wrong for Newark")
    found = told(one, version="3")
    assert (found.word, found.by) == ("NOT_APPROVED", "bob")
    assert found.answer == "The gates let it pass, but bob rejected its release: “wrong for Newark”."
    assert ("bad", "bob rejected it: “wrong for Newark”") in states(found)
    digest = note(one, "4", "PROMOTE", "run-4")
    answer(one, digest, "4", "run-4", "no answer")
    assert "nobody approved its release in time, and no answer is a no." in told(one, version="4").answer


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"looks_back": True}, "it comes from a backfill, which is history and releases nothing."),
        ({"is_dry_run": True}, "its run was a dry run, after which nothing goes live."),
        ({}, "nothing is recorded of it since: it is on its way, or its run was cut short."),
    ],
)
def test_a_candidate_that_could_be_released_says_why_it_is_not_yet(one: OnePipeline, more: Any, said: str) -> None:
    note(one, "2", "PROMOTE", "run-2", **more)
    found = told(one, version="2")
    assert (found.word, found.answer.endswith(said)) == ("PROMOTE", True)
    assert [proof.url for proof in found.proofs if proof.title == "Training"] == ["/airloop/runs/mlflow-2"]
    assert [(r.title, r.query) for r in found.related] == [("The run that did it", "run=run-2")]


def test_a_version_of_a_backtest_says_that_it_releases_nothing(one: OnePipeline) -> None:
    one.record("backtest", "b", {"version": "9", "outcome": "REJECT", "reasons": ["worse"]}, as_of=week(1))
    found = told(one, version="9")
    assert (
        found.answer
        == "It was made by a backtest, which looks at the past and releases nothing. There it was judged REJECT."
    )
    assert [proof.title for proof in found.proofs] == ["Backtest"]
