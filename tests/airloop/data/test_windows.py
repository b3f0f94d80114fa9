from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from airloop.data.windows import Interval, Windows, micros, overlap
from airloop.spec.model import Data


def data(**others):
    return Data(source={"path": "x"}, label={"column": "y"}, **others)


def at(day, hour=0):
    return datetime(2013, 3, day, hour, tzinfo=UTC)


def test_windows_end_at_as_of():
    windows = Windows.of(data(event_time="at", train_window="5d", holdout_window="2d"), at(10))
    assert (windows.train_start, windows.holdout_start, windows.as_of) == (at(3), at(8), at(10))
    assert windows.intervals == tuple(Interval(at(day), at(day + 1)) for day in range(3, 10))
    assert windows.parts == {"train": Interval(at(3), at(8)), "holdout": Interval(at(8), at(10))}


def test_intervals_cover_windows_that_start_and_end_within_them():
    windows = Windows.of(data(event_time="at", train_window="1d", holdout_window="1d"), at(10, 6))
    assert windows.intervals == tuple(Interval(at(day), at(day + 1)) for day in (8, 9, 10))
    hourly = data(event_time="at", partition="hour", train_window="1h", holdout_window="1h")
    windows = Windows.of(hourly, at(10) + timedelta(minutes=30))
    assert [interval.start.hour for interval in windows.intervals] == [22, 23, 0]


def test_an_as_of_of_another_zone_is_the_same_instant():
    daily = data(event_time="at")
    east = at(10).astimezone(tz=ZoneInfo("Asia/Tokyo"))
    assert Windows.of(daily, east) == Windows.of(daily, at(10))


def test_rows_without_time_have_one_interval_and_no_windows():
    windows = Windows.of(data(partition="none"), at(10))
    assert windows.intervals == (Interval(),)
    assert windows.parts == {}


def test_intervals_that_touch_do_not_overlap():
    assert not overlap(Interval(at(1), at(2)), Interval(at(2), at(3)))
    assert overlap(Interval(at(1), at(3)), Interval(at(2), at(3)))
    assert overlap(Interval(), Interval(at(2), at(3)))
    assert Interval(at(1), at(3)).holds(Interval(at(2), at(3)))
    assert not Interval(at(1), at(3)).holds(Interval(at(2), at(4)))
    assert not Interval(at(1), at(3)).holds(Interval())


def test_microseconds_are_exact():
    assert micros(datetime(2013, 3, 18, 6, 0, 0, 1, tzinfo=UTC)) == 1_363_586_400_000_001
