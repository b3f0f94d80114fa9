"""Days and stretches of time as one says them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airloop.monitoring.window import Window
from airloop.overview.stretches import day, in_window

NOW = datetime(2013, 5, 6, tzinfo=UTC)
START = datetime(2013, 4, 22, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(days=7), "in the week of 22 April"),
        (timedelta(days=1), "on 22 April"),
        (timedelta(hours=1), "at 06:00 on 22 April"),
        (timedelta(hours=6), "at 06:00 to 12:00 on 22 April"),
        (timedelta(days=30), "from 22 April to 22 May"),
    ],
)
def test_a_window_is_said_by_its_length(length, said):
    assert in_window(Window(START, START + length), NOW) == said


def test_the_year_is_said_where_it_is_another_one():
    assert day(START, NOW) == "22 April"
    assert day(START, NOW.replace(year=2026)) == "22 April 2013"
