"""When a training runs, and that the instant it pretends to be is right for each kind of run."""

from __future__ import annotations

from datetime import timedelta

import pendulum
import pytest


def stored(dag):
    """Return the DAG as the scheduler sees it."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


@pytest.fixture
def weekly(write, read_dags):
    write("parcels", 'schedule: "0 6 * * MON"')
    return read_dags()["parcels.train"]


def test_a_backfill_has_a_run_per_past_tick_each_as_of_its_tick(weekly):
    ticks = list(
        stored(weekly).iter_dagrun_infos_between(pendulum.datetime(2013, 3, 1), pendulum.datetime(2013, 3, 20))
    )
    assert [info.logical_date.isoformat() for info in ticks] == [
        "2013-03-04T06:00:00+00:00",
        "2013-03-11T06:00:00+00:00",
        "2013-03-18T06:00:00+00:00",
    ]
    assert all(info.data_interval.end == info.logical_date for info in ticks)


def test_a_run_by_hand_with_a_date_is_as_of_that_date(weekly):
    asked = pendulum.datetime(2013, 3, 20, 5, tz="UTC")
    interval = stored(weekly).timetable.infer_manual_data_interval(run_after=asked)
    assert interval.end == asked


@pytest.mark.parametrize("kind", ["train", "monitor"])
def test_the_first_run_waits_for_the_next_tick(write, read_dags, kind):
    """A fresh checkout must not train at once on whatever month it happens to be, least of all when a tick just was."""
    today = f'"0 0 {pendulum.now("UTC").day} * *"'
    write("parcels", f"schedule: {today}\nmonitor: {{schedule: {today}}}")
    info = stored(read_dags()[f"parcels.{kind}"]).next_dagrun_info(last_automated_run_info=None)
    assert info.logical_date > pendulum.now("UTC")


def test_the_retrain_asset_starts_it_too(weekly):
    assert [asset.name for asset in weekly.timetable.asset_condition.objects] == ["parcels/retrain"]


def test_without_a_schedule_only_the_asset_starts_it(write, read_dags):
    write("parcels")
    timetable = read_dags()["parcels.train"].timetable
    assert type(timetable).__name__ == "AssetTriggeredTimetable"
    assert [asset.uri for asset in timetable.asset_condition.objects] == ["airloop://retrain/parcels"]


def test_a_training_that_nothing_monitors_has_the_deadline_for_a_fresh_champion(write, read_dags):
    write("parcels", "monitor: {schedule: null, fresh_champion_within: 14d}")
    write("letters", "monitor: {fresh_champion_within: 14d}")
    write("cards", "monitor: {schedule: null}")
    dags = read_dags()
    [deadline] = dags["parcels.train"].deadline
    assert deadline.interval == timedelta(days=14)
    assert stored(dags["parcels.train"]).deadline[0]["reference"]["pipeline"] == "parcels"
    assert not dags["letters.train"].deadline, "its monitoring looks every day"
    assert not dags["cards.train"].deadline
