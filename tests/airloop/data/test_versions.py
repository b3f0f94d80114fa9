from __future__ import annotations

import pytest

from airloop.errors import DataError


@pytest.fixture
def room_with(room, make_row):
    """Land these rows on 2013-01-03, and one row on each other day."""

    def land(*rows, **data):
        room.data |= data
        seen = {"seen_at": "2013-01-01T00:00Z"} if room.data.get("recorded_at") else {}
        for day in (1, 2, 4):
            room.write(f"rows/2013-01-0{day}.parquet", [make_row(day, f"2013-01-0{day}T06:00Z", **seen)])
        room.write("rows/2013-01-03.parquet", list(rows))
        return room

    return land


def test_exact_duplicates_collapse(room_with, make_row):
    twin = make_row(3, "2013-01-03T06:00Z")
    _, snapshot = room_with(twin, twin, twin).take()
    assert snapshot.partitions[2].rows == 1


def test_without_a_key_equal_rows_are_different_events(room_with, make_row):
    twin = make_row(3, "2013-01-03T06:00Z")
    _, snapshot = room_with(twin, twin, key=[]).take()
    assert snapshot.partitions[2].rows == 2


def test_different_rows_with_one_key_are_refused(room_with, make_row):
    rows = [make_row(3, "2013-01-03T06:00Z"), make_row(5, "2013-01-03T06:00Z"), make_row(3, "2013-01-03T06:00Z", x=9.0)]
    with pytest.raises(
        DataError,
        match=r"2013-01-03.parquet, row 1 and \S*2013-01-03.parquet, row 3: different rows with one key \(id=3\); "
        "data.recorded_at would say which is later",
    ):
        room_with(*rows).take()


def test_rows_that_differ_only_in_labels_nobody_knows_yet_are_one(room_with, make_row):
    rows = [make_row(3, "2013-01-03T06:00Z", y=y, y_at="2013-02-01T00:00Z") for y in (True, False)]
    _, snapshot = room_with(*rows).take()
    assert (snapshot.partitions[2].rows, snapshot.partitions[2].labelled) == (1, 0)


def test_of_recorded_versions_the_newest_stays(room_with, make_row):
    versions = [
        make_row(3, "2013-01-03T06:00Z", x=float(n), seen_at=f"2013-01-03T1{n}:00Z", key_part=None) for n in (2, 3, 1)
    ]
    room = room_with(*versions, recorded_at="seen_at", key=["id", "key_part"], columns={"key_part": "text"})
    for day in (1, 2, 4):
        room.write(
            f"rows/2013-01-0{day}.parquet",
            [make_row(day, f"2013-01-0{day}T06:00Z", seen_at="2013-01-01T00:00Z", key_part="a")],
        )
    _, snapshot = room.take()
    assert room.rows(snapshot).query("id == 3")["x"].tolist() == [3.0], "a missing part of a key is equal to itself"


def test_two_versions_recorded_at_once_are_refused(room_with, make_row):
    versions = [make_row(3, "2013-01-03T06:00Z", x=x, seen_at="2013-01-03T10:00Z") for x in (1.0, 2.0)]
    with pytest.raises(DataError, match=r"one key \(id=3\); two versions were recorded at once"):
        room_with(*versions, recorded_at="seen_at").take()


def test_a_row_that_does_not_say_when_it_was_recorded_is_refused(room_with, make_row):
    rows = [
        make_row(3, "2013-01-03T06:00Z", seen_at="2013-01-03T10:00Z"),
        make_row(5, "2013-01-03T06:00Z", seen_at=None),
    ]
    with pytest.raises(DataError, match=r"row 2: column 'seen_at' is empty; as data.recorded_at it must not be"):
        room_with(*rows, recorded_at="seen_at").take()
