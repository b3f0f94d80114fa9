"""A stretch of the source as it was known at an instant, for monitoring."""

from __future__ import annotations

import pytest

from airloop import clock, data
from airloop.errors import DataError


def observe(room, start, end, known_until):
    bounds = (clock.parse(text) for text in (start, end, known_until))
    return data.observe(room.workspace, room.pipeline, *bounds)


def newest(room, since, known_until):
    return data.newest(room.workspace, room.pipeline, clock.parse(since), clock.parse(known_until))


def test_a_stretch_has_the_partitions_that_it_touches(room):
    room.days(1, 4)
    found = observe(room, "2013-01-02T12:00", "2013-01-04", "2013-01-09")
    assert [clock.iso(each.start) for each in found] == ["2013-01-02T00:00:00Z", "2013-01-03T00:00:00Z"]
    assert [(each.rows, each.labelled) for each in found] == [(3, 3), (3, 3)]


def test_a_stretch_without_rows_is_empty_and_no_error(room):
    room.days(1, 4)
    assert observe(room, "2014-01-01", "2014-01-03", "2014-01-09") == []
    assert observe(room, "2013-01-02", "2013-01-02", "2013-01-09") == []


def test_it_sees_what_was_known_then(room):
    room.days(1, 4)
    (whole,) = observe(room, "2013-01-02", "2013-01-03", "2013-01-03")
    (early,) = observe(room, "2013-01-02", "2013-01-03", "2013-01-02T07:10")
    assert (whole.rows, whole.labelled) == (3, 3)
    assert (early.rows, early.labelled) == (2, 1)
    assert observe(room, "2013-01-02", "2013-01-03", "2013-01-02T06:00") == []


def test_what_becomes_known_later_changes_nothing(room, make_row):
    room.days(1, 4)
    before = observe(room, "2013-01-02", "2013-01-03", "2013-01-02T07:10")
    rows = [make_row(200 + n, f"2013-01-02T{6 + n:02}:00Z", y=n % 2 == 0) for n in range(3)]
    rows[1]["y"], rows[2]["y"] = True, False
    room.write("rows/2013-01-02.parquet", rows)
    assert observe(room, "2013-01-02", "2013-01-03", "2013-01-02T07:10") == before


def test_partitions_are_those_of_a_snapshot(room):
    room.days(1, 4)
    _, snapshot = room.take("2013-01-05")
    found = observe(room, "2013-01-01", "2013-01-05", "2013-01-05")
    assert tuple(found) == snapshot.partitions
    assert data.columns_of(room.workspace, room.pipeline, found) == snapshot.columns
    assert data.columns_of(room.workspace, room.pipeline, []) == {}


def test_rows_without_time_are_one_partition(timeless):
    timeless.write("rows.parquet", [{"x": 1.0, "y": True}, {"x": 2.0, "y": None}])
    (found,) = observe(timeless, "2013-01-01", "2013-01-02", "2013-01-05")
    assert (found.rows, found.labelled, found.start) == (2, 1, None)
    assert newest(timeless, "2013-01-01", "2013-01-05") is None


def test_a_column_that_changed_its_type_is_an_error(room, make_row):
    room.days(1, 4)
    room.write("rows/2013-01-03.parquet", [make_row(9, "2013-01-03T06:00Z") | {"x": "many"}])
    found = observe(room, "2013-01-01", "2013-01-05", "2013-01-05")
    with pytest.raises(DataError, match=r"column 'x' has type .* and string in"):
        data.columns_of(room.workspace, room.pipeline, found)


def test_the_newest_row_is_found(room):
    room.days(1, 3)
    assert newest(room, "2013-01-01", "2013-01-09") == clock.parse("2013-01-03T08:00Z")
    assert newest(room, "2013-01-03T08:00", "2013-01-09") == clock.parse("2013-01-03T08:00Z")
    assert newest(room, "2013-01-03T08:01", "2013-01-09") is None
    assert newest(room, "2013-01-01", "2013-01-02T06:30") == clock.parse("2013-01-02T06:00Z")
    assert newest(room, "2013-01-05", "2013-01-09") is None
