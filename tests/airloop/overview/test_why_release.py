"""Why a version is, or was, live; and what nothing is known of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from airloop.errors import UnknownName
from airloop.overview.why import why

from .asking_why import answer, note, states, told
from .one_pipeline import NAME, OnePipeline, week


@pytest.fixture
def one(tmp_path: Path) -> OnePipeline:
    return OnePipeline.at(tmp_path)


def test_what_is_live_is_the_answer_where_nothing_is_named(one: OnePipeline) -> None:
    one.judged("1")
    one.verified("1")
    one.went_live("1", by="ann")
    found = told(one)
    assert (found.question, found.word, found.by) == ("Why is version 1 live on local?", "RELEASED", "ann")
    assert found.answer == "It passed its gates; ann approved it."
    assert ("good", "started as it ships it answered as it should: 99 % of answers within 3.04 ms, 0.5 MB") in states(
        found
    )
    judgement = next(proof for proof in found.proofs if proof.title == "Judgement")
    assert re.fullmatch(r"/airloop/artifacts/verdicts/[0-9a-f]{64}/report\.html", judgement.url)


def test_before_a_release_the_last_candidate_is_the_answer_and_before_that_there_is_none(one: OnePipeline) -> None:
    with pytest.raises(UnknownName, match="flights: nothing was ever judged or released"):
        why(one.workspace, NAME)
    one.judged("1", "HOLD")
    assert told(one).question == "Why is version 1 not live?"


def test_a_persons_roll_back_says_who_from_what_and_why(one: OnePipeline) -> None:
    for version in ("1", "2"):
        one.judged(version)
        one.went_live(version)
    one.went_live("1", restores=1, by="ann")
    back = told(one, version="1")
    assert (back.word, back.by) == ("ROLL_BACK", "ann")
    assert back.answer == "ann went back to it from version 2: “rolled back; wrong answers”."
    queries = [related.query for related in back.related]
    assert queries == ["run=run-3", "generation=1&target=local", "generation=2&target=local"]
    gone = told(one, generation=2)
    assert gone.question == "Why was version 2 live on local?"
    assert re.search(
        r"It is live no more: ann went back to version 1 at .*: “rolled back; wrong answers”\.$", gone.answer
    )
    assert gone.next == ("To make it live again, roll back to version 2.",)


def test_a_release_says_what_its_rollout_saw(one: OnePipeline) -> None:
    one.went_live("1")
    ledger, cut_off = one.workspace.ledger, week(2)
    given: dict[str, Any] = {"bundle": "b2", "version": "2", "data_cut_off": cut_off, "expected_generation": 1}
    ledger.promote(NAME, "local", **given, run_id="run-2", reasons=["10 %: 208 requests", "50 %: 250 requests"])
    steps = [{"step": "10 %", "action": "PROMOTE", "reasons": ["10 %: 208 requests", "0 of 208 failed"]}]
    said = {"outcome": "RELEASED", "target": "local", "version": "2", "by": "", "reasons": [], "steps": steps}
    one.record("released", "b2", said, run_id="run-2")
    found = told(one, version="2")
    assert found.answer == "It passed its gates and held its own against the champion while both answered."
    assert states(found)[0] == ("good", "10 %: 208 requests; 0 of 208 failed")
    assert "A roll back would put version 1 back, with data up to 2013-03-25." in found.next


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"version": "11"}, r"flights: nothing is known of a version '11'\. Did you mean '1'\? Known: 1, 2\."),
        ({"generation": 7}, r"flights: there is no generation 7\. Known: 1 to 1\."),
        ({"generation": 1, "target": "docker"}, "flights: nothing was ever live on docker"),
        (
            {"window": "2013-03-01"},
            "the window 2013-03-01 was not watched; the nearest that was: 2013-03-18 to 2013-03-25",
        ),
        ({"window": "last week"}, "'last week' names no window: give an instant within it, or both ends: START/END"),
        ({"run": "r", "task": "relase"}, "no DAG of it has a task 'relase'. Did you mean 'release'"),
    ],
)
def test_what_nothing_is_known_of_is_named_with_the_nearest(one: OnePipeline, about: Any, said: str) -> None:
    one.went_live("1")
    one.judged("2")
    one.watched(1)
    with pytest.raises(UnknownName, match=said):
        why(one.workspace, NAME, **about)


def test_a_release_tells_the_answer_that_its_own_run_was_given(one: OnePipeline) -> None:
    digest = note(one, "1", "PROMOTE", "run-1")
    answer(one, digest, "1", "run-1", "Approve", by="ann", comment="fine")
    one.went_live("1", by="ann")
    answer(one, digest, "1", "run-of-another", "Reject", by="bob")
    found = told(one, version="1")
    assert [text for _, text in states(found) if "approved" in text or "rejected" in text] == [
        "ann approved it: “fine”"
    ]
