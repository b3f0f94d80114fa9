from __future__ import annotations

import pandas as pd
import pytest

from airloop import clock
from airloop.errors import DataError


def test_missing_days_are_listed(room, make_row):
    room.days()
    (room.folder / "rows" / "2013-01-02.parquet").unlink()
    empty = room.write("rows/2013-01-03.parquet", [make_row(1, "2013-01-03T06:00Z")])
    pd.read_parquet(empty).head(0).to_parquet(empty)
    _, snapshot = room.take()
    assert [clock.iso(start)[:10] for start in snapshot.missing] == ["2013-01-02", "2013-01-03"]
    assert [each.start.day for each in snapshot.partitions] == [1, 4]


def test_the_interval_that_is_not_over_is_not_missing(room):
    room.days()
    assert room.take("2013-01-05T01:00:00Z")[1].missing == ()


def test_missing_days_block_where_the_spec_says_so(room):
    room.data |= {"missing": "block"}
    room.days()
    (room.folder / "rows" / "2013-01-02.parquet").unlink()
    with pytest.raises(DataError, match=r"no row in 1 intervals, and data.missing blocks: 2013-01-02T00:00:00Z"):
        room.take()


def test_an_empty_training_window_says_what_exists(room):
    room.days()
    with pytest.raises(
        DataError,
        match=r"demo: no row in the train window \[2012-12-27T00:00:00Z, 2012-12-30T00:00:00Z\) "
        r"of as_of 2012-12-31T00:00:00Z; "
        r"looked for \S*rows/2012-12-27.parquet … \S*rows/2012-12-30.parquet; "
        r"the nearest rows seem to be at 2013-01-01T00:00:00Z",
    ):
        room.take("2012-12-31")


def test_an_empty_holdout_window_says_what_exists(room):
    room.days()
    with pytest.raises(DataError, match=r"no row in the holdout window .*; the nearest rows seem to be at 2013-01-04"):
        room.take("2013-01-06")


def test_a_window_that_ends_within_a_partition_is_looked_into(room):
    room.data |= {"train_window": "1d"}
    room.days(1, 2)
    assert room.take("2013-01-02T07:30:00Z")[1].partitions
    (room.folder / "rows" / "2013-01-02.parquet").unlink()
    with pytest.raises(DataError, match=r"no row in the holdout window \[2013-01-01T09:30:00Z"):
        room.take("2013-01-02T09:30:00Z")


def test_the_nearest_row_of_a_single_file_is_found(room, make_row):
    room.data |= {"source": {"path": "all.csv"}}
    room.write("all.csv", [make_row(1, "2013-01-01T06:00Z"), make_row(2, "2013-02-01T06:00Z")])
    with pytest.raises(DataError, match=r"looked for \S*all.csv; the nearest rows seem to be at 2013-02-01T06:00:00Z"):
        room.take("2014-01-01")


def test_nothing_at_all_is_said_so(room, timeless):
    with pytest.raises(DataError, match=r"no row in the train window .*; no other rows are known of"):
        room.take()
    with pytest.raises(DataError, match=r"demo: no row is visible at 2013-01-05T00:00:00Z; looked for \S*rows.parquet"):
        timeless.take()


def test_a_training_window_without_a_known_label_is_refused(room, make_row):
    for day in range(1, 5):
        room.write(f"rows/2013-01-0{day}.parquet", [make_row(day, f"2013-01-0{day}T06:00Z", y_at="2013-03-01T00:00Z")])
    with pytest.raises(
        DataError,
        match="no label is known at 2013-01-05T00:00:00Z for any of 3 training rows; "
        "look at column 'y' and when 'y_at' is",
    ):
        room.take()
