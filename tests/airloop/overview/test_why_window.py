"""Why monitoring asked for a new training after a window, or waited."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from airloop.refs import Level

from .asking_why import note, states, told
from .one_pipeline import OnePipeline, week


@pytest.fixture
def one(tmp_path: Path) -> OnePipeline:
    return OnePipeline.at(tmp_path)


def test_a_window_says_what_was_found_and_why_monitoring_waits(one: OnePipeline) -> None:
    window = one.watched(1, reasons=["the window is not violated: drift OK, performance WARN"])
    found = told(one, window=window.name)
    assert found.question == "Why did monitoring not ask for a new training after the window 2013-03-18 to 2013-03-25?"
    said = "It waits: the window is not violated: drift OK, performance WARN."
    assert (found.word, found.answer) == ("WAIT", said)
    assert ("good", "drift OK: wind moved") in states(found)
    assert ("open", "performance WARN: worse") in states(found)
    assert [proof.title for proof in found.proofs] == ["Window"]


def test_a_decision_to_retrain_says_what_became_of_it(one: OnePipeline) -> None:
    window = one.watched(1, Level.ACT)
    assert told(one, window="2013-03-20").next == ("No training has answered it yet.",)
    one.record("retraining", window.name, {"run_id": "run-2"}, as_of=week(1))
    assert told(one, window=window.name).next == ("A training took it up; its run says how far it came.",)
    note(one, "2", "HOLD", "run-2")
    found = told(one, window=window.name)
    assert found.next == ("A training answered it: version 2 came of it, judged HOLD.",)
    assert {"run=run-2", "version=2"} <= {related.query for related in found.related}


def test_a_window_can_be_looked_at_again_as_of_the_same_instant_while_windows_are_as_long(one: OnePipeline) -> None:
    window = one.watched(1, run_id="look-1")
    assert told(one, window=window.name).look_again is None, "windows are a day long as described, this one is a week"
    file = one.workspace.pipelines / "flights" / "pipeline.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("monitor: {", "monitor: {window: 7d, "), encoding="utf-8")
    assert told(one, window=window.name).look_again == window.end + timedelta(hours=12)
    assert told(one, run="look-1").look_again == window.end + timedelta(hours=12)
    one.broken()
    assert told(one, window=window.name).look_again is None
