from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def orders(airloop):
    """Return the command line over a pipeline with rows that nobody has asked anything."""
    airloop("new", "orders")
    assert airloop("land", "orders").code == 0
    return airloop


def test_monitor_of_a_pipeline_that_nobody_asks_says_so_in_words_and_json(orders):
    answer = orders("monitor", "orders", "--as-of", "2024-03-01")
    assert answer.code == 0, answer.err
    words = " ".join(answer.err.split())
    assert "orders watched as of 2024-03-01T00:00:00Z" in words
    assert "WAIT · retraining would not help: nothing is live; train and release first" in words
    value = answer.json
    assert value["action"] == "WAIT"
    assert value["window"].endswith("/2024-03-01T00:00:00Z")
    assert f"no predictions in {value['window']}: nobody asked" in words
    assert sorted(value["refs"]) == ["decision", "drift", "labels", "performance", "predictions", "window"]


def test_a_backfill_says_that_it_records_nothing(orders, workspace):
    answer = orders("monitor", "orders", "--as-of", "2024-03-01", "--backfill")
    assert "This is a look at the past: no decision was recorded." in answer.err
    assert workspace.ledger.entries("orders", "decision") == []


def test_the_steps_one_by_one_give_what_monitor_gives(orders):
    whole = orders("monitor", "orders", "--as-of", "2024-03-01").json["refs"]
    refs = {"predictions": orders("count_predictions", "orders", "--as-of", "2024-03-01").json}
    for step, gives in (
        ("count_labels", "labels"),
        ("profile_window", "window"),
        ("score_drift", "drift"),
        ("score_performance", "performance"),
        ("decide_retraining", "decision"),
    ):
        refs[gives] = orders(step, "orders", "--refs", json.dumps(refs)).json
    assert refs == whole
    claim = orders("claim_retraining", "orders", "--run-id", "r1").json
    assert claim == {"windows": [], "as_of": None, "reasons": ["no window has asked for a retraining"]}


def test_a_step_without_its_refs_says_which_are_missing(orders):
    answer = orders("decide_retraining", "orders", "--refs", "{}")
    assert answer.code == 2
    assert "--refs needs window, labels, drift, performance; missing:" in " ".join(answer.err.split())
