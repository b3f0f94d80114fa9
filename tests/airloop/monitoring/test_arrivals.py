"""What has arrived of a window, and the source's health: the same answer whenever it is asked for."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from airloop import bundle, digest
from airloop.errors import DataError, Unreachable
from airloop.monitoring import arrivals

NAME = "2024-03-15T00:00:00Z/2024-03-22T00:00:00Z"


def predictions(desk, **monitor):
    return arrivals.predictions(desk.workspace, desk.spec(monitor=monitor), as_of=desk.at(21))


def labels(desk, *, now=365.0, **sections):
    """Return what is known of the week before day 21 at day ``now``."""
    pipeline = desk.spec(**sections)
    arrived = arrivals.predictions(desk.workspace, pipeline, as_of=desk.at(21))
    return arrivals.labels(desk.workspace, pipeline, predictions=arrived, now=desk.at(now))


def late_by(rows: pd.DataFrame, days: float) -> pd.DataFrame:
    return rows.assign(arrived_at=rows["sent_at"] + timedelta(days=days))


def test_enough_predictions_have_nothing_to_say(desk):
    desk.ask_days(14, 20, answered_at=desk.at(900))
    arrived = desk.predictions(21.4)
    assert (arrived.start, arrived.end, arrived.as_of) == (desk.at(14), desk.at(21), desk.at(21.4))
    assert (arrived.rows, arrived.is_enough, arrived.reasons) == (840, True, ())


def test_no_traffic_is_an_alarm_of_its_own(desk):
    arrived = desk.predictions()
    assert (arrived.rows, arrived.is_enough) == (0, False)
    assert arrived.reasons == (
        f"no predictions in {NAME}: nobody asked the model, or the prediction log did not reach the store",
    )
    silent = desk.spec(serving={"log_predictions": False})
    (reason,) = arrivals.predictions(desk.workspace, silent, as_of=desk.at(21)).reasons
    assert reason.endswith("serving.log_predictions is false, so nothing is kept")


def test_too_few_predictions_say_how_many_are_asked_for(desk):
    desk.ask(desk.parcels(15).head(49))
    desk.ask(desk.parcels(15).head(49), answered_at=desk.at(17))
    arrived = predictions(desk, predictions={"min_rows": 50, "volume": 0})
    assert (arrived.rows, arrived.is_enough) == (49, False)
    assert arrived.reasons == (f"49 predictions in {NAME}, monitor.predictions.min_rows is 50",)


def test_less_traffic_than_usual_warns_though_it_is_enough(desk):
    desk.ask_days(14, 14)
    arrived = predictions(desk, predictions={"min_rows": 50, "volume": 0.2})
    assert arrived.is_enough
    assert arrived.reasons == (
        "120 predictions are 14% of the 840 usual rows; monitor.predictions.volume warns below 20%",
    )
    assert predictions(desk, predictions={"min_rows": 50, "volume": 0.1}).reasons == ()
    assert predictions(desk, window="1d", predictions={"min_rows": 50, "volume": 0.9}).rows == 0


def test_the_usual_traffic_is_that_of_a_window_of_this_length(desk):
    desk.ask_days(20, 20)
    assert predictions(desk, window="1d", predictions={"min_rows": 50, "volume": 0.9}).reasons == ()


def test_clocks_that_run_ahead_are_told(desk):
    desk.ask_days(14, 20)
    desk.ask(desk.parcels(30).head(9), answered_at=desk.at(16))
    assert desk.predictions().reasons == (
        "9 predictions are left out: their events are more than a day later than their answers, so a client's clock "
        "runs ahead",
    )


@pytest.mark.slow
def test_a_bundle_older_than_monitoring_says_that_the_usual_is_unknown(desk):
    desk.ask_days(14, 14, by=without_reference(desk))
    (reason,) = desk.predictions().reasons
    assert reason.startswith("how many rows are usual is not known: ")
    assert reason.endswith("Train and release again")


def without_reference(desk):
    """Put the bundle into the store as an older Airloop would have made it."""
    scratch = desk.workspace.home / "older"
    shutil.copytree(desk.bundle.folder, scratch, ignore=shutil.ignore_patterns("reference", ".files.json"))
    name = digest.of_folder(scratch)
    with desk.workspace.store.writing("bundles", name) as folder:
        shutil.copytree(scratch, folder, dirs_exist_ok=True)
    return bundle.open_bundle(desk.workspace, name)


def test_labels_that_are_known_at_the_run_count_at_once(desk):
    desk.ask_days(14, 20)
    arrived, is_final = labels(desk, now=21)
    assert is_final
    assert (arrived.predictions, arrived.labelled, arrived.is_enough) == (840, 764, True)
    assert (arrived.known_until, arrived.source, arrived.reasons) == (desk.at(21), "fresh", ())


def test_late_labels_are_waited_for_on_a_fixed_grid(desk):
    for day in range(14, 21):
        desk.land(day, lambda rows: late_by(rows, 2.02))
    desk.ask_days(14, 20)
    early, is_final = labels(desk, now=21.2)
    assert not is_final
    assert (early.is_enough, early.labelled, early.known_until) == (False, 610, desk.at(21) + timedelta(hours=4))
    assert early.reasons == (
        "labels of 610 of 840 predictions (73%) are known; monitor.labels asks for min_share 80% and min_rows 50",
    )
    found = [labels(desk, now=now) for now in (21.75, 22, 365)]
    assert {is_final for _, is_final in found} == {True}
    assert len({arrived.model_dump_json() for arrived, _ in found}) == 1
    known = pd.concat([late_by(desk.parcels(day), 2.02)["arrived_at"] for day in range(14, 21)]).sort_values()
    assert found[0][0].known_until == known.iloc[671].ceil("h")  # 80 % of 840
    assert found[0][0].labelled == (known <= known.iloc[671].ceil("h")).sum()


def test_labels_that_never_come_end_as_not_enough(desk):
    for day in range(14, 21):
        desk.land(day, lambda rows: late_by(rows, 40))
    desk.ask_days(14, 20)
    assert labels(desk, now=22.99)[1] is False
    arrived, is_final = labels(desk, now=23)
    assert is_final
    assert (arrived.is_enough, arrived.labelled, arrived.known_until) == (False, 0, desk.at(23))
    assert labels(desk, now=365)[0] == arrived


def test_before_the_run_nothing_can_be_looked_at(desk):
    desk.ask_days(14, 20)
    arrived, is_final = labels(desk, now=20.9)
    assert not is_final
    assert (arrived.is_enough, arrived.known_until) == (False, desk.at(21))


@pytest.mark.slow
def test_with_corrections_the_version_known_at_each_instant_counts(desk):
    data = {"recorded_at": "recorded_at"}
    for day in range(14, 21):
        desk.land(day, recorded)
    desk.ask_days(14, 20)
    first, is_final = labels(desk, data=data, now=21.1)
    assert not is_final
    assert first.labelled == 0  # the first version of each row has no label
    found, is_final = labels(desk, data=data)
    assert is_final
    assert (found.labelled, found.known_until) == (795, desk.at(21) + timedelta(hours=6))


def recorded(rows: pd.DataFrame) -> pd.DataFrame:
    """Return every row twice: without its label at the event, with it six hours after the week's end."""
    first = rows.assign(recorded_at=rows["sent_at"], late=None)
    later = pd.Timestamp("2024-03-22T05:30:00Z").as_unit("us")
    return pd.concat([first, rows.assign(recorded_at=later, late=rows["late"].astype(object))])


def test_nothing_is_waited_for_without_predictions(desk):
    arrived, is_final = labels(desk, now=21)
    assert is_final
    assert arrived.reasons == ("no predictions, so there is nothing to label",)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        ({"data": {"key": []}}, "data.key is not given, so nothing says which row a prediction was for"),
        (
            {"data": {"private": ["parcel"]}},
            "parcel of data.key not in the prediction log; add it to features.inputs",
        ),
    ],
)
def test_labels_that_cannot_be_joined_are_not_waited_for(desk, sections, reason):
    desk.ask_days(14, 20)
    arrived, is_final = labels(desk, now=21, **sections)
    assert is_final
    assert not arrived.is_enough
    assert arrived.reasons == (f"labels cannot be found: {reason}",)


def test_a_source_gone_silent_is_stale(desk):
    for day in (19, 20):
        (desk.workspace.home / "data" / f"{desk.at(day):%Y-%m-%d}.parquet").unlink()
    desk.ask_days(14, 20)
    assert labels(desk)[0].source == "fresh"
    arrived, _ = labels(desk, monitor={"stale_after": "2d"})
    assert arrived.source == "stale"
    assert arrived.reasons[0] == "the source is silent: no row since 2024-03-20 (monitor.stale_after)"


BREAKS = {
    "the label is renamed": (lambda rows: rows.rename(columns={"late": "is_late"}), "no column 'late'"),
    "an input is gone": (
        lambda rows: rows.rename(columns={"depot": "depots"}),
        "column 'depot'.*Did you mean 'depots'",
    ),
    "an input is of another type": (
        lambda rows: rows.assign(weight_kg="heavy"),
        "column 'weight_kg' was number in training and has type string now",
    ),
    "rows differ under one key": (
        lambda rows: pd.concat([rows, rows.assign(late=~rows["late"])]),
        "different rows with one key",
    ),
    "a file is no Parquet": (None, "cannot be read as Parquet"),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_source_that_cannot_be_used_is_broken_and_says_why(desk, case):
    change, reason = BREAKS[case]
    for day in range(14, 28):
        desk.land(day, change)
        if change is None:
            (desk.workspace.home / "data" / f"{desk.at(day):%Y-%m-%d}.parquet").write_bytes(b"no rows")
    desk.ask_days(14, 20)
    arrived, is_final = labels(desk)
    assert is_final
    assert (arrived.source, arrived.is_enough) == ("broken", False)
    assert any(pd.Series([arrived.reasons[0]]).str.contains(reason))
    assert not labels(desk, now=21.5)[1]  # it may be mended meanwhile


@pytest.mark.slow
def test_an_input_that_vanished_within_the_window_is_broken(desk):
    for day in range(18, 28):
        desk.land(day, lambda rows: rows.drop(columns="weight_kg"))
    desk.ask_days(14, 20)
    arrived, _ = labels(desk)
    assert arrived.source == "broken"
    assert "'weight_kg' is in partition" in arrived.reasons[0]


def test_a_source_out_of_reach_is_tried_again(desk):
    desk.ask_days(14, 20)
    (desk.spec().folder / "rows.sql").write_text("select 1 as sent_at where :start < :end")
    gone = desk.spec(data={"source": {"sql": "rows.sql", "conn_id": "away"}})
    missing = desk.workspace.home / "nowhere" / "rows.db"
    away = replace(desk.workspace, connection=lambda _: f"sqlite:///{missing}")
    with pytest.raises(Unreachable, match="connection 'away'"):
        arrivals.labels(away, gone, predictions=desk.predictions(), now=desk.at(365))


def test_a_broken_log_is_no_quiet_one(desk):
    path = desk.ask(desk.parcels(15))
    os.truncate(path, 100)
    with pytest.raises(DataError, match=r"parquet: cannot be read as Parquet"):
        desk.predictions()
