"""``pause`` and ``resume``, and that ``history`` and ``explain`` say that releases are paused."""

from __future__ import annotations

import pytest


@pytest.fixture
def paused(airloop):
    """Return the command line over a pipeline whose releases ann has paused."""
    airloop("new", "churn")
    answer = airloop("pause", "churn", "--reason", "wrong prices", "--by", "ann")
    assert answer.code == 0
    return airloop


def test_pause_says_who_paused_why_and_what_ends_it(paused, workspace):
    pause = workspace.ledger.paused("churn")
    assert (pause.payload["by"], pause.payload["reason"]) == ("ann", "wrong prices")
    again = paused("pause", "churn", "--reason", "holidays", "--by", "bob")
    assert "churn: releases are paused by ann since" in again.err
    assert "They were paused already: that pause holds." in again.err
    assert "`python -m airloop resume churn` lets them go on. A roll back is possible all the time." in again.err
    assert again.json == {
        "pipeline": "churn",
        "pause": {"by": "ann", "reason": "wrong prices", "since": again.json["pause"]["since"]},
    }


def test_resume_lets_releases_go_on_and_says_when_there_was_nothing_to_resume(paused, workspace):
    assert "churn: releases go live again" in paused("resume", "churn", "--by", "bob").err
    assert workspace.ledger.paused("churn") is None
    answer = paused("resume", "churn")
    assert "churn: releases were not paused" in answer.err
    assert answer.json == {"pipeline": "churn", "pause": None}


def test_a_pause_without_a_reason_or_of_an_unknown_pipeline_is_refused(paused):
    assert paused("pause", "churn").code == 2
    blank = paused("pause", "churn", "--reason", "  ")
    assert (blank.code, "a pause needs a reason" in blank.err) == (2, True)
    unknown = paused("pause", "churm", "--reason", "why")
    assert (unknown.code, "Did you mean 'churn'?" in unknown.err) == (2, True)


@pytest.mark.parametrize("command", [("history", "churn"), ("explain", "churn", "3")])
def test_history_and_explain_say_that_releases_are_paused(paused, workspace, command):
    payload = {"version": "3", "outcome": "REJECT", "reasons": ["roc_auc 0.55 is below 0.62"]}
    workspace.ledger.record("verdict", "churn", "v3", payload)
    words = " ".join(paused(*command).err.split())
    assert "! releases are paused by ann since" in words
    assert "wrong prices; `python -m airloop resume churn` lets them go on" in words
    assert paused(*command, "--json").json["pause"]["reason"] == "wrong prices"
