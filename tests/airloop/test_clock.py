from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from airloop import clock

FORM, OLD, NEW, END, RUN = (datetime(2013, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("form", "signals", "interval_end", "expected"),
    [
        (FORM, [OLD, NEW], END, FORM),
        (None, [OLD, NEW], END, NEW),
        (None, [NEW, OLD], END, NEW),
        (None, [], END, END),
        (None, [], None, RUN),
    ],
)
def test_form_wins_over_newest_signal_over_interval_end_over_run_date(form, signals, interval_end, expected):
    assert clock.resolve_as_of(form=form, signals=signals, interval_end=interval_end, run_date=RUN) == expected


def test_signals_with_and_without_zone_are_compared_in_utc():
    naive, aware = datetime(2013, 1, 2), datetime(2013, 1, 2, 1, tzinfo=timezone(timedelta(hours=2)))  # noqa: DTZ001
    assert clock.resolve_as_of(form=None, signals=[naive, aware], interval_end=None, run_date=RUN) == datetime(
        2013, 1, 2, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2013-03-18", "2013-03-18T00:00:00Z"),
        ("2013-03-18T06:00:00", "2013-03-18T06:00:00Z"),
        ("2013-03-18T06:00:00Z", "2013-03-18T06:00:00Z"),
        ("2013-03-18T06:00:00+02:00", "2013-03-18T04:00:00Z"),
        ("2013-03-18 06:00", "2013-03-18T06:00:00Z"),
    ],
)
def test_instants_have_one_text_form(text, expected):
    assert clock.iso(clock.parse(text)) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2013-13-01", "18.03.2013"])
def test_other_texts_are_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"is not ISO 8601, for example 2013-03-18 or"):
        clock.parse(text)


def test_floor_is_the_latest_multiple_since_1970():
    instant = datetime(2013, 3, 18, 13, 45, 1, tzinfo=UTC)
    assert clock.floor(instant, timedelta(hours=1)) == datetime(2013, 3, 18, 13, tzinfo=UTC)
    assert clock.floor(instant, timedelta(days=1)) == datetime(2013, 3, 18, tzinfo=UTC)
    assert clock.floor(datetime(1969, 12, 31, 1, tzinfo=UTC), timedelta(days=1)) == datetime(1969, 12, 31, tzinfo=UTC)
    exact = datetime(2013, 3, 18, tzinfo=UTC)
    assert clock.floor(exact, timedelta(days=1)) == exact


def test_sentences_say_a_day_for_a_midnight_and_the_minute_for_the_rest():
    assert clock.told(datetime(2013, 3, 18, tzinfo=UTC)) == "2013-03-18"
    assert clock.told(datetime(2013, 3, 18, 6, 0, 59, tzinfo=UTC)) == "2013-03-18 06:00 UTC"
    assert clock.told(datetime(2013, 3, 18, 1, tzinfo=timezone(timedelta(hours=2)))) == "2013-03-17 23:00 UTC"
