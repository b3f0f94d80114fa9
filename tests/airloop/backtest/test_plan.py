from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from airloop import backtest
from airloop.errors import DataError
from airloop.spec import Spec

from .conftest import SPEC, day


def plan(world, *arguments):
    return backtest.plan(world.workspace, world.pipeline, *arguments)


def test_intervals_lie_end_to_end_and_the_last_one_ends_with_the_period(world):
    ticks = plan(world, day(6), day(13), timedelta(days=3))
    assert [(one.as_of, one.until) for one in ticks] == [(day(6), day(9)), (day(9), day(12)), (day(12), day(13))]


def test_labels_count_until_the_wait_of_monitoring_is_over(world):
    (tick,) = plan(world, day(6), day(8), timedelta(days=2))
    assert tick.known_until == day(9)


def test_ticks_are_those_of_the_schedule_with_one_at_the_start_itself(world):
    spec = Spec.model_validate(SPEC | {"schedule": "0 6 * * MON"})
    monday = datetime(2024, 3, 4, 6, tzinfo=UTC)
    on_monday = backtest.plan(world.workspace, replace(world.pipeline, spec=spec), monday, day(20))
    assert [one.as_of for one in on_monday] == [monday, monday + timedelta(days=7), monday + timedelta(days=14)]


def test_without_bounds_it_goes_from_the_first_full_windows_to_the_end_of_the_data(world):
    ticks = plan(world, None, None, timedelta(days=5))
    assert (ticks[0].as_of, ticks[-1].until) == (day(6), day(20))


def test_a_period_without_a_tick_is_refused(world):
    with pytest.raises(DataError, match="deliveries: no tick between 2024-03-03T00:00:00Z and 2024-03-03T00:00:00Z"):
        plan(world, day(2), day(2))


def test_a_slip_of_the_pen_does_not_train_for_a_year(world):
    with pytest.raises(DataError, match="more than 1,000 ticks until 2024-03-21T00:00:00Z; take a larger --every"):
        plan(world, day(6), day(20), timedelta(minutes=5))


def test_rows_without_time_have_no_past(world):
    spec = Spec.model_validate(
        SPEC | {"data": {"source": {"path": "x"}, "partition": "none", "label": {"column": "y"}}}
    )
    with pytest.raises(DataError, match="no past to walk through"):
        backtest.plan(world.workspace, replace(world.pipeline, spec=spec))
