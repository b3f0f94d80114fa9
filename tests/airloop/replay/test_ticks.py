from __future__ import annotations

import pytest

from airloop import clock
from airloop.errors import SpecError
from airloop.replay import ticks
from airloop.spec import Spec

SPEC = {
    "name": "parcels",
    "data": {"source": {"path": "{date}.parquet"}, "event_time": "at", "label": {"column": "late"}},
    "model": {"task": "binary"},
}


def found(monitor: dict, start: str, end: str) -> list[str]:
    spec = Spec.model_validate(SPEC | {"monitor": monitor})
    return [clock.iso(tick) for tick in ticks(spec, clock.parse(start), clock.parse(end))]


def test_each_window_that_ends_in_the_period_is_looked_at_once():
    weekly = {"schedule": "0 12 * * MON", "window": "7d"}
    assert found(weekly, "2013-03-18", "2013-04-08") == [
        "2013-03-25T12:00:00Z", "2013-04-01T12:00:00Z", "2013-04-08T12:00:00Z",
    ]  # fmt: skip
    assert found(weekly, "2013-03-18", "2013-03-24") == []


def test_hourly_windows_and_presets_work():
    assert found({"schedule": "@hourly", "window": "1h"}, "2013-03-18", "2013-03-18T03:00:00Z") == [
        "2013-03-18T01:00:00Z", "2013-03-18T02:00:00Z", "2013-03-18T03:00:00Z",
    ]  # fmt: skip


def test_without_a_schedule_nothing_says_when_to_look():
    with pytest.raises(SpecError, match=r"pipeline parcels: monitor\.schedule is not set"):
        found({"schedule": None}, "2013-03-18", "2013-03-25")
