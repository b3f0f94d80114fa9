"""The time line tells what happened, in the order of the data's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from airloop.ledger import Entry
from airloop.monitoring.records import records
from airloop.monitoring.window import Window
from airloop.overview import bands
from airloop.overview.replayed import DataClock
from airloop.overview.time_line import time_line
from airloop.refs import Level

from .one_pipeline import NAME, OnePipeline, plain, week


@pytest.fixture
def one(tmp_path: Path) -> OnePipeline:
    return OnePipeline.at(tmp_path)


def kinds(one: OnePipeline, **given: int) -> list[str]:
    return [event.kind for event in time_line(one.workspace, NAME, **given).events]


def titles(one: OnePipeline) -> dict[str, str]:
    return {event.kind: event.title for event in time_line(one.workspace, NAME).events}


def test_a_pipeline_to_which_nothing_happened_has_an_empty_time_line(one: OnePipeline) -> None:
    line = time_line(one.workspace, NAME)
    assert (line.events, line.spans, line.drift, line.bands, line.left_out, line.until) == ((), (), (), (), 0, None)
    assert (line.drift_warn, line.drift_act, line.drift_method) == (0.1, 0.25, "psi")


def test_a_whole_life_is_told_once_each_and_in_order(one: OnePipeline) -> None:
    one.judged("1")
    one.went_live("1")
    one.watched(2, Level.ACT)
    one.judged("2", "REJECT", against="1", reasons=["log_loss 0.03 worse"])
    one.judged("3", against="1")
    one.went_live("3")
    one.went_live("1", restores=1, by="ada")
    line = time_line(one.workspace, NAME)
    told = [(event.kind, event.word, event.version) for event in line.events]
    assert told == [
        ("cut_off", "", "1"),
        ("verdict", "PROMOTE", "1"),
        ("released", "RELEASED", "1"),
        ("cut_off", "", "2"),
        ("verdict", "REJECT", "2"),
        ("decision", "RETRAIN", "1"),
        ("cut_off", "", "3"),
        ("verdict", "PROMOTE", "3"),
        ("released", "RELEASED", "3"),
        ("roll_back", "ROLL_BACK", "1"),
    ]
    last = line.events[-1]
    assert (last.by, last.title, last.why) == ("ada", "Went back to version 1 on local", "generation=3&target=local")
    assert last.reasons == ("rolled back", "wrong answers")
    assert line.events[4].title == "Version 2 was judged REJECT, against version 1"
    assert line.events[4].why == "version=2"
    assert line.events[5].why == "window=2013-03-25T00%3A00%3A00Z%2F2013-04-01T00%3A00%3A00Z"


def test_spans_follow_each_other_and_the_last_one_is_open(one: OnePipeline) -> None:
    for version in ("1", "2"):
        one.judged(version)
        one.went_live(version)
    first, second = time_line(one.workspace, NAME).spans
    assert (first.version, first.start, first.end) == ("1", week(1), week(2))
    assert (second.version, second.generation, second.start, second.end) == ("2", 2, week(2), None)


def test_a_rollout_that_was_judged_worse_is_no_person_s_roll_back(one: OnePipeline) -> None:
    one.judged("1")
    one.went_live("1")
    one.ended("ROLLED_BACK", "2", "run-x", 1, steps=[])
    one.ended("REFUSED", "3", "run-y", 1)
    one.verified("4", "p99 90 ms, 25 ms allowed")
    one.verified("1")
    found = titles(one)
    assert found["rolled_back"] == "The rollout of version 2 was rolled back"
    assert found["refused"] == "The release of version 3 was refused"
    assert found["verification"] == "Version 4 did not pass its verification"
    assert kinds(one).count("verification") == 1
    assert "roll_back" not in found


def test_data_that_was_blocked_is_told_and_other_validations_are_not(one: OnePipeline) -> None:
    one.validated(1)
    one.validated(2, passed=False, reasons=["[0] price: 3 rows"])
    (event,) = time_line(one.workspace, NAME).events
    assert (event.kind, event.title) == ("blocked", "The data was not used: 1 expectation not met")
    assert (event.at, event.reasons) == (week(2), ("[0] price: 3 rows",))


def test_what_people_did_stands_with_their_names(one: OnePipeline) -> None:
    one.record("asked", "manual__1", {"act": "train", "by": "ada", "why": "new rows"}, run_id="manual__1")
    one.record("approval", "v", {"answer": "Approve", "by": "bob", "comment": "fine", "version": "2"}, run_id="r 1")
    one.record("approval", "w", {"answer": "no answer", "by": "", "comment": "", "version": "3"}, run_id="r 2")
    one.workspace.ledger.pause(NAME, by="cy", reason="storm")
    one.workspace.ledger.resume(NAME, by="dee")
    events = time_line(one.workspace, NAME).events
    told = [(event.kind, event.word, event.by, event.title, event.reasons) for event in events]
    assert told == [
        ("asked", "", "ada", "ada asked for a training", ("new rows",)),
        ("approval", "APPROVED", "bob", "bob approved version 2", ("fine",)),
        ("approval", "NO_ANSWER", "", "Nobody answered for version 3 in time", ()),
        ("pause", "PAUSED", "cy", "cy paused releases", ("storm",)),
        ("resume", "RESUMED", "dee", "dee let releases go on", ()),
    ]
    assert events[0].why == "run=manual__1"


def test_a_backtest_is_one_event_whatever_it_judged(one: OnePipeline) -> None:
    report = f"{one.workspace.store.uri('reports', 'a' * 64)}/backtest.html"
    for number in (1, 2):
        said = {"outcome": "PROMOTE", "version": str(number), "report": report}
        one.record("backtest", f"{number}", said, as_of=week(number))
    assert kinds(one) == ["backtest"]
    said = {"headline": "It would have helped", "sentences": ["much"], "start": "2013-03-18", "end": "2013-04-01"}
    one.record("walk", "a" * 64, said | {"models": 2, "report": report})
    assert titles(one) == {"backtest": "Backtest: It would have helped"}


def test_the_newest_events_stay_and_the_others_are_counted(one: OnePipeline) -> None:
    for number in range(1, 9):
        one.judged(str(number), "HOLD")
    line = time_line(one.workspace, NAME, limit=6)
    assert [event.version for event in line.events] == ["6", "6", "7", "7", "8", "8"]
    assert line.left_out == 8
    assert time_line(one.workspace, NAME, limit=100).left_out == 0


def test_decisions_to_wait_do_not_crowd_out_the_others(one: OnePipeline) -> None:
    one.judged("1")
    for number in range(2, 2 + 61):
        window = Window(week(number), week(number + 1))
        one.record("decision", window.name, {"action": "WAIT", "reasons": []}, as_of=window.end)
    assert kinds(one).count("decision") == 60
    assert kinds(one)[:2] == ["cut_off", "verdict"]


def test_drift_and_performance_come_with_bounds_and_limits(one: OnePipeline) -> None:
    window = one.watched(1, Level.ACT)
    one.watched(2, is_labelled=False)
    line = time_line(one.workspace, NAME)
    first = line.drift[0]
    assert (first.level, first.value, first.window, first.version) == ("ACT", 0.31, window.name, "1")
    (band,) = line.bands
    assert (band.metric, band.reference, band.more_is_better) == ("roc_auc", 0.72, True)
    assert (band.warn, band.act) == (pytest.approx(0.70), pytest.approx(0.68))
    measured, estimated = band.points
    assert plain(measured) == {
        "window": window.name, "start": "2013-03-18T00:00:00Z", "end": "2013-03-25T00:00:00Z", "level": "WARN",
        "version": "1", "value": 0.69, "lower": 0.66, "upper": 0.72, "is_estimated": False, "rows": 700,
    }  # fmt: skip
    assert (estimated.is_estimated, estimated.value, estimated.lower, estimated.rows) == (True, 0.7, 0.67, 900)


def test_what_is_gone_from_the_store_leaves_the_values_of_the_ledger(one: OnePipeline) -> None:
    one.watched(1)
    one.lost("performances")
    one.lost("drifts")
    line = time_line(one.workspace, NAME)
    assert line.drift[0].value == 0.31
    (band,) = line.bands
    assert (band.reference, band.points[0].value, band.points[0].lower) == (None, 0.69, None)


def test_an_entry_that_names_no_artifact_spoils_nothing(one: OnePipeline) -> None:
    one.watched(1)
    window = Window(week(1), week(2)).name
    for kind in ("drift", "performance"):
        one.record(kind, window, {"level": "OK", "version": "1", "rows": 9}, as_of=week(2))
    line = time_line(one.workspace, NAME)
    assert [(mark.level, mark.value) for mark in line.drift] == [("OK", 0.31), ("OK", None)]
    (band,) = line.bands
    assert [point.value for point in band.points] == [0.69]


def test_only_the_latest_windows_are_read_from_the_store(one: OnePipeline) -> None:
    for number in (1, 2):
        one.watched(number)
    watched = records(one.workspace.ledger, NAME)
    older, newest = bands.bands(one.workspace, watched, most_read=1)[0].points
    assert (older.value, older.lower, newest.lower) == (0.69, None, 0.66)


def test_a_broken_description_hides_no_history(one: OnePipeline) -> None:
    one.judged("1")
    one.watched(1)
    one.broken()
    line = time_line(one.workspace, NAME)
    assert len(line.events) == 3
    assert (line.drift_warn, line.drift_method) == (None, "")


def test_the_number_of_questions_does_not_grow_with_the_history(one: OnePipeline) -> None:
    asked: list[int] = []
    for weeks in (1, 8):
        for number in range(1, weeks + 1):
            one.judged(f"{number}", "HOLD")
            one.watched(number)
        asked.append(questions(one))
    assert asked[0] == asked[1] <= 9


def questions(one: OnePipeline) -> int:
    count = 0

    def counts(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal count
        count += statement.startswith("SELECT")

    sa.event.listen(sa.Engine, "before_cursor_execute", counts)
    try:
        time_line(one.workspace, NAME)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", counts)
    return count


def entry(as_of: datetime, recorded_at: datetime) -> Entry:
    return Entry(1, "verdict", NAME, "s", as_of, "", {}, recorded_at)


NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_in_production_things_happened_when_they_were_recorded() -> None:
    clock = DataClock([entry(NOW, NOW + timedelta(minutes=20)), entry(NOW - timedelta(days=400), NOW)])
    later = NOW + timedelta(days=90)
    assert clock.at(later) == later
    assert clock.until is None


def test_in_a_replayed_past_things_happened_at_the_newest_instant_until_then() -> None:
    hour = timedelta(hours=1)
    clock = DataClock([entry(week(0), NOW), entry(week(5), NOW + hour), entry(week(2), NOW + 2 * hour)])
    assert clock.at(NOW + hour / 2) == week(0)
    assert clock.at(NOW + 3 * hour) == week(5) == clock.until
    assert clock.at(NOW - hour) == NOW - hour


def test_labels_that_come_months_later_make_no_replay() -> None:
    clock = DataClock([entry(NOW, NOW + timedelta(hours=1)), entry(NOW, NOW + timedelta(days=60))])
    assert clock.until is None
