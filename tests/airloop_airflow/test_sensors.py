"""Sensors as Airflow runs them, on a real prediction log; whole runs are in ``tests/integration``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferralError, TaskDeferralTimeout, TaskDeferred

from airloop.clock import iso
from airloop.errors import DataError
from airloop.refs import LabelsArrived, PredictionsArrived
from airloop.workspace import Workspace
from airloop_airflow.sensors import WaitForLabels, WaitForPredictions
from airloop_airflow.triggers import LabelsArrival, PredictionsArrival

SPEC = """\
name: parcels
data:
  source: {path: "data/parcels/date={date}/*.parquet"}
  event_time: sent_at
  key: [parcel]
  label: {column: late, known_at: arrived_at}
features: {build: features.py:build, inputs: [parcel, sent_at]}
model: {task: binary}
monitor:
  predictions: {min_rows: 20, wait: 1h}
  labels: {min_rows: 10, min_share: 0.5, wait: 2h}
"""
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def pipeline(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRLOOP_PIPELINES", str(tmp_path / "pipelines"))
    monkeypatch.setenv("AIRLOOP_SERVER", "http://127.0.0.1:9")
    folder = tmp_path / "pipelines" / "parcels"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC)
    (folder / "features.py").write_text("def build(parcels):\n    return parcels\n")
    return folder


@pytest.fixture
def live():
    """Version 1 is live, by the ledger."""
    facts = {"bundle": "b" * 64, "version": "1", "data_cut_off": datetime(2013, 3, 1, tzinfo=UTC), "run_id": "run-0"}
    ledger = Workspace.from_environment().ledger
    return ledger.promote("parcels", "local", **facts, expected_generation=0, reasons=())


@pytest.fixture
def send(tmp_path):
    """Have parcels sent on a day in the prediction log and, with labels, in the source; 12 hours later they arrive."""

    def sent(day: datetime, rows: int, *, arrived: bool = True) -> None:
        times = day + pd.to_timedelta(range(rows), unit="min")
        parcels = pd.DataFrame({"parcel": [f"{day:%d}-{row}" for row in range(rows)], "sent_at": times})
        numbers = np.arange(rows, dtype=np.int32)
        own = {"request_id": "r", "request_row": numbers, "answered_at": times, "version": "", "bundle": ""}
        put(tmp_path / "home/store/predictions/parcels", day, parcels.assign(**own, probability=0.5))
        if arrived:
            known = parcels.assign(late=False, arrived_at=times + timedelta(hours=12))
            put(tmp_path / "home/data/parcels", day, known)

    def put(folder, day, frame):
        place = folder / f"date={day:%Y-%m-%d}"
        place.mkdir(parents=True)
        texts = frame.select_dtypes("str").columns
        frame.astype(dict.fromkeys(texts, object)).to_parquet(place / "rows.parquet", index=False)

    return sent


@pytest.fixture
def today():
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def wait_for_predictions():
    return WaitForPredictions(task_id="wait_for_predictions", pipeline="parcels")


def wait_for_labels(found: dict[str, object]):
    task = WaitForLabels(task_id="wait_for_labels", pipeline="parcels", predictions="")
    task.predictions = PredictionsArrived.model_validate(found).model_dump_json()
    return task


def test_the_first_task_of_a_look_by_hand_writes_down_who_asked(context_of):
    context = context_of(as_of="2013-03-18", why="complaints")
    WaitForPredictions(task_id="wait_for_predictions", pipeline="parcels").execute(context)
    (entry,) = Workspace.from_environment().ledger.entries("parcels", "asked", run_id="run-1")
    assert (entry.payload["act"], entry.payload["by"], entry.payload["why"]) == ("monitor", "ann", "complaints")


def test_a_past_without_traffic_is_inconclusive_at_once(context_of, live):
    task = wait_for_predictions()
    found = PredictionsArrived.model_validate(task.execute(context_of(as_of="2013-03-18")))
    assert (found.rows, found.is_enough) == (0, False)
    assert task.headline.startswith("INCONCLUSIVE: no predictions in 2013-03-17")
    assert task.outcome == "no_traffic", "it is an alarm of its own"


def test_before_the_first_release_nothing_is_waited_for_and_nobody_is_alarmed(context_of):
    task = wait_for_predictions()
    assert task.execute(context_of(as_of=iso(datetime.now(UTC))))["rows"] == 0
    assert task.outcome is None


def test_a_past_with_traffic_waits_for_nothing(context_of, send):
    send(datetime(2013, 3, 17, tzinfo=UTC), 30)
    predictions, context = wait_for_predictions(), context_of(as_of="2013-03-18T13:00")
    found = predictions.execute(context)
    assert predictions.headline.startswith("30 predictions") and predictions.outcome is None
    labels = wait_for_labels(found)
    known = LabelsArrived.model_validate(labels.execute(context))
    assert (known.labelled, known.predictions, known.is_enough) == (30, 30, True)
    assert labels.headline == "30 of 30 labels"


def test_too_little_waits_without_a_worker_until_a_fixed_instant(context_of, live, capsys):
    as_of = datetime.now(UTC)
    task = wait_for_predictions()
    with pytest.raises(TaskDeferred) as waits:
        task.execute(context_of(as_of=iso(as_of)))
    assert isinstance(waits.value.trigger, PredictionsArrival)
    assert waits.value.trigger.until == iso(as_of + timedelta(hours=1))
    assert f"waiting until {waits.value.trigger.until[:19]}Z" in capsys.readouterr().out
    # Should no triggerer be there to end it, the scheduler does a little later.
    assert timedelta(hours=1) < waits.value.timeout < timedelta(hours=1, minutes=6)


def test_a_trigger_looks_as_the_sensor_does(context_of, send, today, live):
    as_of = datetime.now(UTC)
    with pytest.raises(TaskDeferred) as waits:
        wait_for_predictions().execute(context_of(as_of=iso(as_of)))
    trigger = waits.value.trigger
    later = as_of + timedelta(minutes=30)
    assert not trigger.look(later).is_final
    send(today - DAY, 30)
    assert trigger.look(later).is_final
    assert trigger.look(later).found.rows == 30


def test_a_window_that_just_ended_waits_for_what_is_still_on_its_way_to_the_log(send, today):
    """Frozen at once it would lack its last minute, and a later run would find another window."""
    send(today - DAY, 30)
    trigger = PredictionsArrival(pipeline="parcels", as_of=iso(today), look_at="", until="")
    just_ended, settled = (trigger.look(today + timedelta(minutes=minutes)) for minutes in (1, 3))
    assert just_ended.found.is_enough and not just_ended.is_final
    assert settled.is_final


def test_labels_are_looked_for_when_the_next_hour_begins_to_count(context_of, send, today):
    """They are known twelve hours after the day; an hour after as_of is the second instant at which they count."""
    as_of = datetime.now(UTC) - timedelta(minutes=20)
    send(today - DAY, 30, arrived=False)
    predictions = wait_for_predictions().execute(context_of(as_of=iso(as_of)))
    with pytest.raises(TaskDeferred) as waits:
        wait_for_labels(predictions).execute(context_of(as_of=iso(as_of)))
    trigger = waits.value.trigger
    assert isinstance(trigger, LabelsArrival)
    assert (trigger.look_at, trigger.until) == (iso(as_of + timedelta(hours=1)), iso(as_of + timedelta(hours=2)))
    assert not trigger.look(as_of + timedelta(hours=1)).is_final
    assert trigger.look(as_of + timedelta(hours=2)).is_final, "they never come"


def test_a_woken_task_looks_for_itself(context_of, send, today, live):
    context = context_of(as_of=iso(datetime.now(UTC)))
    with pytest.raises(TaskDeferred):
        wait_for_predictions().resume_execution("look_again", {"event": {"error": ""}}, context)
    send(today - DAY, 30)
    found = wait_for_predictions().resume_execution("look_again", {"event": {"error": ""}}, context)
    assert found["rows"] == 30


def test_what_only_the_triggerer_cannot_read_fails_the_task_instead_of_waking_it_for_ever(context_of, live):
    event = {"error": "ModuleNotFoundError: No module named 'pyarrow'"}
    with pytest.raises(AirflowFailException, match=r"the triggerer cannot look, this worker can.*'pyarrow'"):
        wait_for_predictions().look_again(context_of(as_of=iso(datetime.now(UTC))), event)


def test_without_a_triggerer_the_waiting_ends_all_the_same(context_of, capsys):
    timeout = {"error": "Trigger timeout"}
    found = wait_for_predictions().resume_execution("__fail__", timeout, context_of(as_of="2013-03-18"))
    assert found["rows"] == 0
    assert "No triggerer woke this task in time" in capsys.readouterr().out


def test_a_broken_trigger_is_an_error(context_of):
    with pytest.raises(TaskDeferralError) as error:
        wait_for_predictions().resume_execution("__fail__", {"error": "Trigger failure"}, context_of())
    assert not isinstance(error.value, TaskDeferralTimeout)


def test_a_window_that_is_not_over_is_refused(context_of, today):
    with pytest.raises(DataError, match=r"is not over yet.*give an earlier instant"):
        wait_for_predictions().execute(context_of(as_of=iso(today + 3 * DAY)))


def test_a_target_that_does_not_answer_is_told_and_stops_nothing(context_of, live, capsys):
    wait_for_predictions().execute(context_of(as_of="2013-03-18"))
    said = capsys.readouterr().out
    assert "the target does not say what it serves" in said and "left as it is" in said


def test_a_backfill_leaves_the_target_alone(context_of, live, capsys):
    context = context_of(run_type="backfill", interval_end=datetime(2013, 3, 18, tzinfo=UTC))
    wait_for_predictions().execute(context)
    assert "the target" not in capsys.readouterr().out
