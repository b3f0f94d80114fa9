"""Profiles: of frames and arrays, as bytes and back, merged."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from airloop.errors import DataError
from airloop.profiles import Profile, merge

KINDS = {"distance": "number", "dest": "category", "when": "time"}


@pytest.fixture(scope="module")
def frame(flights) -> pd.DataFrame:
    when = pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(np.arange(5_000), unit="min")
    return flights.head(5_000).assign(when=when)


def test_a_profile_of_a_frame_and_of_arrays_is_the_same(frame):
    arrays = {name: frame[name].to_numpy() for name in KINDS}
    profile = Profile.of(frame, KINDS)
    assert Profile.of(arrays, KINDS).to_bytes() == profile.to_bytes()
    assert (profile.rows, list(profile.columns)) == (5_000, list(KINDS))
    assert {name: column.kind for name, column in profile.columns.items()} == KINDS


def test_bytes_and_back(frame):
    profile = Profile.of(frame, KINDS)
    data = profile.to_bytes()
    assert Profile.from_bytes(data) == profile
    assert Profile.from_bytes(data).to_bytes() == data
    assert len(data) < 10_000


def test_other_bytes_are_refused(frame):
    with pytest.raises(DataError, match=r"not a profile of format 1: the bytes begin with b'PK"):
        Profile.from_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="a profile cannot be read"):
        Profile.from_bytes(Profile.of(frame, KINDS).to_bytes()[:-50])


def test_days_merge_to_the_whole(frame):
    whole = Profile.of(frame, KINDS)
    days = [Profile.of(part, KINDS) for _, part in frame.groupby(frame["when"].dt.date)]
    assert len(days) == 4
    assert merge(days) == merge(reversed(days)) == whole


def test_times_have_a_range_and_nulls(frame):
    cells = frame["when"].mask(frame.index < 100)
    column = Profile.of({"when": cells.to_numpy()}, {"when": "time"}).columns["when"]
    assert (column.rows, column.nulls, column.distinct) == (5_000, 100, None)
    assert pd.Timestamp(column.minimum, unit="us", tz="UTC") == cells.min()
    assert pd.Timestamp(column.maximum, unit="us", tz="UTC") == cells.max()
    none = Profile.of({"when": cells.to_numpy()[:3]}, {"when": "time"}).columns["when"]
    assert (none.minimum, none.nulls) == (None, 3)
    both = merge([Profile(3, {"when": none}), Profile(5_000, {"when": column})]).columns["when"]
    assert (both.minimum, both.nulls) == (column.minimum, 103)


def test_an_absent_column_is_named(frame):
    with pytest.raises(DataError, match=r"column 'distanse' is not among the rows'. Did you mean 'distance'\?"):
        Profile.of(frame, {"distanse": "number"})


def test_cells_of_another_kind_are_refused(frame):
    with pytest.raises(DataError, match="column 'dest' is not a number: could not convert string to float"):
        Profile.of(frame, {"dest": "number"})
    with pytest.raises(DataError, match=r"column 'when' is a time \(datetime64\[.*\]\), not a number"):
        Profile.of(frame, {"when": "number"})
    with pytest.raises(DataError, match="column 'dest' is not a time"):
        Profile.of(frame, {"dest": "time"})


def test_only_profiles_of_the_same_columns_merge(frame):
    profile = Profile.of(frame, KINDS)
    with pytest.raises(ValueError, match="nothing to merge: no profile was given"):
        merge([])
    with pytest.raises(ValueError, match="columns differ: dest, when"):
        merge([profile, Profile.of(frame, {"distance": "number"})])
    with pytest.raises(ValueError, match="kinds differ: category, number"):
        merge([Profile.of(frame, {"hour": "number"}), Profile.of(frame, {"hour": "category"})])


def test_reading_a_profile_needs_no_pandas(frame, tmp_path):
    path = tmp_path / "columns.profile"
    path.write_bytes(Profile.of(frame, KINDS).to_bytes())
    script = (
        "import pathlib, sys\n"
        "from airloop.profiles import Profile\n"
        f"print(Profile.from_bytes(pathlib.Path({str(path)!r}).read_bytes()).rows)\n"
        "print([name for name in ('pandas', 'datasketches', 'scipy', 'pyarrow') if name in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.split("\n")[:2] == ["5000", "[]"]
