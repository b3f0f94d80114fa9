from __future__ import annotations

from datetime import UTC, datetime

import pytest


@pytest.fixture
def churn(airloop, workspace):
    """Return the command line over a ledger with two releases, a roll back and a rejected candidate."""
    airloop("new", "churn")
    ledger = workspace.ledger
    for number, day in ((1, 11), (2, 18)):
        cut_off = datetime(2013, 3, day, tzinfo=UTC)
        payload = {"version": str(number), "outcome": "PROMOTE", "reasons": [f"roc_auc 0.7{number} is at least 0.62"]}
        ledger.record("verdict", "churn", f"v{number}", payload, as_of=cut_off)
        ledger.promote(
            "churn",
            "local",
            bundle=f"b{number}",
            version=str(number),
            data_cut_off=cut_off,
            expected_generation=number - 1,
            run_id=f"r{number}",
            reasons=["every step was judged CONTINUE"],
        )
    ledger.promote(
        "churn",
        "local",
        bundle="b1",
        version="1",
        data_cut_off=datetime(2013, 3, 11, tzinfo=UTC),
        expected_generation=2,
        run_id="r3",
        reasons=["complaints"],
        kind="roll_back",
        by="ann",
        restores=1,
    )
    payload = {"version": "3", "outcome": "REJECT", "reasons": ["roc_auc 0.55 is below 0.62"], "champion_version": "1"}
    ledger.record("verdict", "churn", "v3", payload, as_of=datetime(2013, 3, 25, tzinfo=UTC))
    return airloop


def test_history_shows_what_was_live_and_what_was_judged(churn):
    answer = churn("history", "churn")
    assert answer.code == 0
    lines = [" ".join(line.split()) for line in answer.err.splitlines()]
    production = [line for line in lines if line.startswith("#")]
    assert [line.split()[0] for line in production] == ["#3", "#2", "#1"]
    assert " live 2013-03-11 00:00 roll back by ann complaints" in production[0]
    assert "every step was judged CONTINUE" in production[1]
    assert "3 2013-03-25 00:00 REJECT 1 roc_auc 0.55 is below 0.62" in lines


def test_history_says_when_the_target_does_not_agree_with_the_ledger(churn):
    assert "! the target does not say what it serves: no model server at" in churn("history", "churn").err


def test_history_for_programs_is_one_json_line(churn):
    value = churn("history", "churn", "--json").json
    assert [row["generation"] for row in value["production"]] == [3, 2, 1]
    assert value["production"][0]["until"] is None
    assert value["production"][0]["data_cut_off"] == "2013-03-11T00:00:00Z"
    assert [entry["payload"]["outcome"] for entry in value["verdicts"]] == ["REJECT", "PROMOTE", "PROMOTE"]


def test_history_of_a_pipeline_never_released_says_so(airloop):
    airloop("new", "orders")
    assert "orders was never released" in airloop("history", "orders").err


def test_explain_says_in_words_why_a_version_is_live(churn):
    words = " ".join(churn("explain", "churn").err.split())
    assert "churn version 1 is live on local. A roll back by ann made it generation #3" in words
    assert "It learned from data up to 2013-03-11 00:00 UTC. It followed version 2 (#2). · complaints" in words
    assert "Its bundle cannot be read: bundle b1 is not in the store" in words


def test_explain_takes_a_version_or_a_generation(churn):
    for name in ("2", "#2"):
        words = " ".join(churn("explain", "churn", name).err.split())
        assert "churn version 2 was live until" in words
        assert "every step was judged CONTINUE" in words


def test_explain_says_why_a_version_was_never_live(churn):
    words = " ".join(churn("explain", "churn", "3").err.split())
    assert "churn version 3 was never live." in words
    assert "REJECT" in words
    assert "roc_auc 0.55 is below 0.62" in words


def test_explain_of_an_unknown_version_names_the_known_ones(churn):
    answer = churn("explain", "churn", "9")
    assert answer.code == 2
    assert "churn: '9' was never live. Known: #1, #2, #3, 1, 2." in answer.err


def test_rollback_of_nothing_is_refused_in_words(airloop):
    airloop("new", "orders")
    answer = airloop("rollback", "orders")
    assert (answer.code, answer.out) == (2, "")
    assert "nothing was ever released, so there is nothing to go back to" in answer.err
    assert "Traceback" not in answer.err
