from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from airloop.data import raw
from airloop.data.times import to_utc
from airloop.errors import DataError


def utc(values, zone="UTC"):
    column = np.array(values, dtype=object) if isinstance(values, list) else values
    rows = raw.of_table("rows.csv", pa.table({"at": pa.nulls(len(column))}), typed=False)
    return [str(instant) for instant in to_utc(column, "at", zone, rows).cast(pa.timestamp("us")).to_pylist()]


def test_texts_with_mixed_offsets_become_one_zone():
    texts = ["2013-03-18T06:00:00Z", "2013-03-18T06:00:00+02:00", "2013-03-18 06:00-0500", "2013-03-18T06:00:00.5Z"]
    assert utc(texts) == [
        "2013-03-18 06:00:00",
        "2013-03-18 04:00:00",
        "2013-03-18 11:00:00",
        "2013-03-18 06:00:00.500000",
    ]


def test_times_without_offset_are_in_the_zone_of_the_data():
    assert utc(["2013-03-18 06:00", "2013-03-18", "2013-03-18T06:00Z"], "America/New_York") == [
        "2013-03-18 10:00:00",
        "2013-03-18 04:00:00",
        "2013-03-18 06:00:00",
    ]


def test_arrow_times_of_any_unit_and_zone_become_utc():
    instant = datetime(2013, 3, 18, 6, tzinfo=UTC)
    for type_ in (pa.timestamp("ns", tz="Asia/Tokyo"), pa.timestamp("s", tz="UTC")):
        assert utc(pa.array([instant], type_)) == ["2013-03-18 06:00:00"]
    assert utc(pa.array([datetime(2013, 3, 18, 6)], pa.timestamp("ms")), "Asia/Tokyo") == ["2013-03-17 21:00:00"]  # noqa: DTZ001
    assert utc(pa.array([date(2013, 3, 18)])) == ["2013-03-18 00:00:00"]


def test_python_times_of_a_database_become_utc():
    east = timezone(timedelta(hours=3))
    values = [datetime(2013, 3, 18, 6, tzinfo=east), datetime(2013, 3, 18, 6), None, date(2013, 3, 18)]  # noqa: DTZ001
    assert utc(values) == ["2013-03-18 03:00:00", "2013-03-18 06:00:00", "None", "2013-03-18 00:00:00"]


def test_a_missing_time_stays_missing():
    assert utc(pa.array(["NA", "", None, "2013-03-18"])) == ["None", "None", "None", "2013-03-18 00:00:00"]


def test_a_text_that_is_no_time_is_named_with_row_and_file():
    with pytest.raises(
        DataError, match=r"rows.csv, row 2: column 'at': '18/03/2013' is not an ISO 8601 time, for exam"
    ):
        utc(["2013-03-18", "18/03/2013"])


@pytest.mark.parametrize("clock", ["2013-03-10 02:30", "2013-11-03 01:30"])
def test_a_clock_that_is_skipped_or_repeated_is_refused(clock):
    with pytest.raises(DataError, match=r"row 1: column 'at': .* does not exist or happens twice in America/New_York"):
        utc([clock], "America/New_York")
    assert utc([clock + "-04:00"], "America/New_York"), "an offset makes it clear"


def test_a_number_is_no_time():
    with pytest.raises(DataError, match=r"rows.csv, row 1: column 'at' holds 20130318 \(int64\), which is no time"):
        utc(pa.array([20130318]))
