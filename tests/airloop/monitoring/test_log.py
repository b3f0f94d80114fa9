"""The prediction log read back: by the clock of its events, each row once, whatever versions wrote it."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airloop.data import content
from airloop.errors import DataError
from airloop.monitoring import log
from airloop.monitoring.window import Window
from airloop.store import Store
from airloop.workspace import Workspace

WEEK = Window(datetime(2024, 3, 15, tzinfo=UTC), datetime(2024, 3, 22, tzinfo=UTC))
"""Days 14 to 20."""
TODAY = datetime(2026, 8, 18, tzinfo=UTC)


def read(desk, window=WEEK):
    return log.read(desk.workspace, desk.pipeline, window)


def count(desk, window=WEEK):
    return log.count(desk.workspace, desk.pipeline, window)


def test_a_window_has_the_events_within_it(desk):
    desk.ask_days(13, 21)
    frame = log.as_frame(log.read(desk.workspace, desk.pipeline, WEEK).table)
    expected = pd.concat([desk.parcels(day) for day in range(14, 21)], ignore_index=True)
    assert frame["parcel"].tolist() == expected["parcel"].tolist()
    assert frame["sent_at"].tolist() == expected["sent_at"].tolist()
    assert list(frame.columns) == [
        "request_id", "request_row", "answered_at", "version", "bundle",
        "depot", "distance_km", "parcel", "sent_at", "weight_kg", "probability",
    ]  # fmt: skip


def test_a_replayed_past_is_found_by_its_events(desk):
    desk.ask_days(13, 21, answered_at=TODAY)
    assert read(desk).table.num_rows == 7 * 120
    found = count(desk)
    assert found.rows == 7 * 120
    assert found.versions == {"1": 7 * 120}
    assert found.bundles == {"1": desk.bundle.digest}
    assert found.newest == desk.parcels(20)["sent_at"].max()


def test_nothing_asked_is_an_empty_window(desk):
    assert read(desk).table.num_rows == 0
    assert count(desk) == log.Counted()
    assert log.majority(read(desk).table) == ("", "")
    desk.ask_days(10, 10)
    assert read(desk).table.num_rows == 0


@pytest.mark.parametrize(
    ("features", "private", "column"),
    [
        ({"build": "features.py:build", "inputs": ["sent_at", "depot"]}, [], "sent_at"),
        ({"build": "features.py:build", "inputs": ["depot"]}, [], "answered_at"),
        ({"build": "features.py:build"}, [], "sent_at"),
        ({"build": "features.py:build"}, ["sent_at"], "answered_at"),
        (None, [], "answered_at"),
    ],
)
def test_the_instant_is_the_events_where_it_is_logged(desk, features, private, column):
    data = desk.content["data"] | {"private": private}
    content = {name: value for name, value in desk.content.items() if name != "features"} | {"data": data}
    pipeline = desk.written(content | ({"features": features} if features else {}))
    assert log.instant_column(pipeline.spec) == column
    key = log.key_columns(pipeline.spec)
    assert key == (("sent_at", "parcel") if features == {"build": "features.py:build"} and not private else ())


def test_an_input_that_is_called_like_a_column_of_the_log_is_found_under_its_other_name(desk):
    data = desk.content["data"] | {"event_time": "answered_at", "key": ["request_id"]}
    pipeline = desk.written(desk.content | {"data": data, "features": {"build": "features.py:build"}})
    assert log.instant_column(pipeline.spec) == "input_answered_at"
    assert log.key_columns(pipeline.spec) == ("input_request_id",)


def test_the_first_answer_counts_whichever_file_and_version_it_is_in(desk):
    second = desk.another_version()
    rows = desk.parcels(15)
    desk.ask(rows.iloc[:60], by=second, answered_at=TODAY + timedelta(hours=1), file="a")
    desk.ask(rows, answered_at=TODAY, file="b")
    desk.ask(rows, answered_at=TODAY + timedelta(hours=2), file="c")
    found = read(desk)
    assert found.table.num_rows == 120
    assert found.repeated == 180
    assert set(found.table["version"].to_pylist()) == {"1"}
    assert count(desk).rows == 300  # footers do not know about repeats


def test_rows_with_a_part_of_the_key_missing_are_told_apart_by_their_request(desk):
    rows = desk.parcels(15).head(3).astype({"parcel": "Int64"})
    rows["parcel"] = pd.NA
    rows["sent_at"] = rows["sent_at"].iloc[0]
    desk.ask(rows)
    again = desk.ask(rows.head(1), identity="retried")
    desk.ask(rows.head(1), identity="retried")
    assert again.exists()
    found = read(desk)
    assert found.table.num_rows == 4
    assert found.repeated == 1


def test_a_request_repeated_across_the_windows_start_counts_once(desk):
    features = desk.content["features"] | {"inputs": ["sent_at", "depot", "distance_km", "weight_kg"]}
    pipeline = desk.spec(features=features, data={"private": ["sent_at"]})
    rows = desk.parcels(13).head(1)
    desk.ask(rows, answered_at=desk.at(14) - timedelta(seconds=2), identity="first-try-was-before")
    desk.ask(rows, answered_at=desk.at(14) + timedelta(seconds=2), identity="first-try-was-before")
    desk.ask(rows, answered_at=desk.at(14) + timedelta(seconds=3), identity="another")
    found = log.read(desk.workspace, pipeline, WEEK)
    assert found.table["request_id"].to_pylist() == ["another"]
    assert found.repeated == 1


def test_clocks_that_run_ahead_are_left_out_and_told(desk):
    desk.ask_days(15, 15)
    desk.ask(desk.parcels(19).head(30), answered_at=desk.at(16))
    desk.ask(desk.parcels(40).head(7), answered_at=desk.at(16))
    found = read(desk)
    assert found.table.num_rows == 120
    assert found.ahead == 37
    assert count(desk).rows == 120


def test_an_event_an_hour_ahead_is_no_wrong_clock(desk):
    rows = desk.parcels(15)
    desk.ask(rows, answered_at=desk.at(15) - timedelta(minutes=1))
    assert read(desk).ahead == 1
    desk.ask(rows, answered_at=desk.at(15))
    assert read(desk).table.num_rows == 120


def test_a_row_without_event_counts_when_it_was_answered(desk):
    path = desk.ask(desk.parcels(15).head(4), answered_at=desk.at(16))
    table = pq.read_table(path, partitioning=None)
    times = table["sent_at"].to_pylist()
    times[0], times[1] = None, desk.at(3)
    pq.write_table(_with(table, "sent_at", pa.array(times, table["sent_at"].type)), path)
    assert read(desk).table["request_row"].to_pylist() == [0, 0, 0]
    assert read(desk).table["answered_at"].to_pylist() == [desk.at(16)] * 3
    assert count(desk).rows == 3


def test_versions_with_other_columns_are_united(desk):
    desk.ask_days(15, 15)
    path = desk.ask(desk.parcels(16))
    table = pq.read_table(path, partitioning=None)
    table = _with(table.drop_columns(["depot"]), "parcel", table["parcel"].cast(pa.float64()))
    table = table.append_column("colour", pa.array(["red"] * 120))
    pq.write_table(table, path)
    found = read(desk)
    frame = log.as_frame(found.table)
    assert frame["depot"].isna().tolist() == [False] * 120 + [True] * 120
    assert frame["colour"].isna().tolist() == [True] * 120 + [False] * 120
    assert frame["parcel"].tolist() == [*desk.parcels(15)["parcel"], *desk.parcels(16)["parcel"]]
    assert found.notes == ()


@pytest.mark.slow
def test_of_kinds_that_do_not_go_together_that_of_most_rows_stays(desk):
    desk.ask_days(15, 15)
    path = desk.ask(desk.parcels(16).head(10))
    table = pq.read_table(path, partitioning=None)
    pq.write_table(_with(table, "distance_km", pa.array(["far"] * 10)), path)
    found = read(desk)
    assert found.notes == (
        "column 'distance_km' is number in most rows and text in others: the values of 10 rows are not used",
    )
    assert log.as_frame(found.table)["distance_km"].isna().tolist() == [False] * 120 + [True] * 10


def _with(table, name, column):
    return table.set_column(table.column_names.index(name), name, column)


@pytest.mark.parametrize("damage", [b"", b"PAR1 half of it", b"no Parquet at all, but longer than its magic bytes"])
def test_a_broken_file_is_named(desk, damage):
    desk.ask_days(15, 16)
    path = desk.ask(desk.parcels(17), file="broken")
    path.write_bytes(damage)
    for look in (read, count):
        with pytest.raises(DataError, match=r"broken\.parquet: cannot be read as Parquet: .*put back a good copy"):
            look(desk)


def test_a_file_that_is_cut_in_its_middle_is_named(desk):
    path = desk.ask(desk.parcels(17), file="cut")
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + bytes(200) + whole[240:])
    with pytest.raises(DataError, match=r"cut\.parquet: cannot be read as Parquet"):
        read(desk)


def test_a_file_of_something_else_is_named(desk):
    path = desk.ask(desk.parcels(17), file="other")
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["request_id"]), path)
    with pytest.raises(DataError, match=r"other\.parquet: no column 'request_id'; it is no file of the prediction log"):
        count(desk)


def test_a_type_that_the_log_never_has_is_named(desk):
    path = desk.ask(desk.parcels(17), file="other")
    table = pq.read_table(path, partitioning=None)
    pq.write_table(_with(table, "depot", pa.array([["A"]] * 120)), path)
    with pytest.raises(DataError, match=r"other\.parquet: column 'depot' has type list.*; the log has double, int64"):
        read(desk)
    pq.write_table(_with(table, "request_row", pa.array([0.0] * 120)), path)
    with pytest.raises(DataError, match=r"column 'request_row' has type double; the log has int32 there"):
        read(desk)


def test_a_file_that_is_being_written_is_not_there_yet(desk):
    path = desk.ask(desk.parcels(15))
    (path.parent / f"{path.name}.writing").write_bytes(b"half")
    assert read(desk).table.num_rows == 120


def test_days_that_are_over_are_looked_up_and_not_read_again(desk):
    path = desk.ask(desk.parcels(15))
    desk.ask(desk.parcels(16))
    assert count(desk).rows == 240
    stat = path.stat()
    path.write_bytes(bytes(stat.st_size))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert count(desk).rows == 240
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        count(desk)


def test_a_file_that_comes_late_to_an_indexed_day_is_seen(desk):
    desk.ask_days(15, 16)
    assert count(desk).rows == 240
    desk.ask(desk.parcels(15).assign(parcel=lambda rows: rows["parcel"] + 5_000))
    assert count(desk).rows == 360


@pytest.mark.slow
def test_the_log_is_read_from_an_object_store(desk, tmp_path):
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    away = replace(desk.workspace, store_url="memory://airloop")
    desk.ask_days(14, 16)
    for path in (desk.workspace.home / "store" / "predictions").rglob("*.parquet"):
        relative = path.relative_to(desk.workspace.home / "store")
        memory.pipe_file(f"/airloop/{relative.as_posix()}", path.read_bytes())
    assert isinstance(away, Workspace) and isinstance(away.store, Store)
    for _ in range(2):  # the second time from the index
        assert log.count(away, desk.pipeline, WEEK) == count(desk)
    assert log.read(away, desk.pipeline, WEEK).table.equals(read(desk).table)


@pytest.mark.slow
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(shuffle=st.randoms(use_true_random=False))
def test_neither_files_nor_their_order_nor_repeats_change_a_window(trained, tmp_path_factory, shuffle):
    desk = replace(trained, workspace=replace(trained.workspace, store_url=str(tmp_path_factory.mktemp("store"))))
    rows = desk.parcels(15).head(12)
    answered = {number: TODAY + timedelta(seconds=shuffle.randrange(3)) for number in range(12)}
    order = list(range(12)) + [shuffle.randrange(12) for _ in range(5)]
    shuffle.shuffle(order)
    seen = set()
    for number in order:
        later = timedelta(hours=1) if number in seen else timedelta()
        desk.ask(rows.iloc[[number]], answered_at=answered[number] + later, identity=f"request of {number}")
        seen.add(number)
    found = read(desk)
    table = found.table.drop_columns(["answered_at"])
    assert found.repeated == 5
    assert np.array_equal(np.sort(found.table["parcel"].to_numpy()), rows["parcel"].to_numpy())
    expected = DIGESTS.setdefault("of twelve rows", content.of_table(table))
    assert content.of_table(table) == expected


DIGESTS: dict[str, str] = {}
