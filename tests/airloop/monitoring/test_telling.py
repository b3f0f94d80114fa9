from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airloop.monitoring.telling import counted, lasting, told_window
from airloop.monitoring.window import Window


@pytest.mark.parametrize(
    ("span", "words"),
    [
        ({"days": 7}, "7 days"),
        ({"days": 1}, "1 day"),
        ({"days": 6, "hours": 18}, "6 days 18 hours"),
        ({"days": 6, "minutes": 59}, "6 days"),
        ({"hours": 1, "minutes": 30}, "1 hour 30 minutes"),
        ({"minutes": 5}, "5 minutes"),
        ({"seconds": 5}, "0 minutes"),
    ],
)
def test_a_span_is_told_in_its_largest_unit_and_at_most_one_more(span, words):
    assert lasting(timedelta(**span)) == words


def test_counts_and_windows_read_like_text():
    assert [counted(number, "label") for number in (0, 1, 1200)] == ["0 labels", "1 label", "1,200 labels"]
    start = datetime(2013, 3, 18, tzinfo=UTC)
    assert told_window(Window(start, start + timedelta(days=7))) == "2013-03-18 to 2013-03-25"
    assert told_window(Window(start, start + timedelta(hours=6))) == "2013-03-18 to 2013-03-18 06:00 UTC"
