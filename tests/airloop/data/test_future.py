"""Whatever becomes known after ``as_of``, the bytes that a run at ``as_of`` sees stay the same."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from airloop.data import take
from airloop.spec import load
from airloop.workspace import Workspace

START = datetime(2013, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=3, hours=9)
SPEC = {
    "name": "demo",
    "data": {
        "event_time": "at",
        "label": {"column": "y", "known_at": "y_at"},
        "key": ["id"],
        "train_window": "2d",
        "holdout_window": "1d",
    },
    "model": {"task": "binary"},
}

hours = st.integers(0, 24 * 4)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "event": hours,
            "seen_after": hours,
            "known_after": st.one_of(st.none(), hours),
            "x": st.integers(-3, 3),
            "text": st.sampled_from(["a", "7", "true"]),
            "y": st.booleans(),
        }
    ),
    max_size=12,
)
changes = st.fixed_dictionaries(
    {
        "x": st.sampled_from([9, 0.5, "words", None]),
        "y": st.sampled_from([True, False, None]),
        "later": st.integers(1, 99),
        "drop": st.booleans(),
    }
)


SOURCES = pytest.mark.parametrize(
    ("path", "recorded_at"),
    [
        ("rows/{date}.parquet", "seen_at"),
        ("rows/{date}.csv", None),
        ("rows/*.parquet", None),
        ("rows/*.csv", "seen_at"),
    ],
)
WITHOUT_HURRY = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # Shrinking takes minutes.
    suppress_health_check=list(HealthCheck),
)


@SOURCES
@given(rows=rows, change=changes, added=rows)
@settings(WITHOUT_HURRY, max_examples=5)
def test_perturbing_the_future_changes_no_byte(path, recorded_at, rows, change, added):
    _check(path, recorded_at, rows, change, added)


@pytest.mark.timeout(600)  # a hundred examples, on a busy machine too
@pytest.mark.slow
@SOURCES
@given(rows=rows, change=changes, added=rows)
@settings(WITHOUT_HURRY, max_examples=100)
def test_perturbing_the_future_changes_no_byte_in_many_ways(path, recorded_at, rows, change, added):
    _check(path, recorded_at, rows, change, added)


def _check(path, recorded_at, rows, change, added):
    if recorded_at is None:
        rows, added = ([each | {"seen_after": 0} for each in some] for some in (rows, added))
    # Enough of the past, so that both windows have rows and a label.
    past = [_row(n, hour, 0, 1, x=1, text="b", y=True) for n, hour in enumerate(range(10, 80, 6))]
    past += [_row(100 + n, **each) for n, each in enumerate(rows)]
    future = [_perturbed(row, change) for row in past]
    future += [row for n, each in enumerate(added) if _is_future(row := _row(200 + n, **each))]
    assert _seen(past, path, recorded_at) == _seen([row for row in future if row], path, recorded_at)


def _row(number, event, seen_after, known_after, *, x, text, y):
    at = START + timedelta(hours=event)
    known = None if known_after is None else at + timedelta(hours=known_after)
    return {
        "id": number,
        "at": at,
        "seen_at": at + timedelta(hours=seen_after),
        "x": x,
        "text": text,
        "y": y,
        "y_at": known,
    }


def _is_future(row):
    return row["at"] >= AS_OF or row["seen_at"] > AS_OF


def _perturbed(row, change):
    """Change only what is not known at AS_OF; None drops the row."""
    if _is_future(row):
        return None if change["drop"] else {**row, "x": change["x"], "y": change["y"], "text": "other"}
    if row["y_at"] is None or row["y_at"] > AS_OF:
        later = None if change["drop"] else AS_OF + timedelta(hours=change["later"])
        return {**row, "y": change["y"], "y_at": later}
    return row


def _seen(rows, path, recorded_at):
    """Return the snapshot's digest and all bytes of its partitions."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "demo"
        (home / "rows").mkdir(parents=True)
        for day, group in pd.DataFrame(rows, dtype=object).groupby(lambda i: f"{rows[i]['at']:%Y-%m-%d}"):
            _write(group, home / "rows" / f"{day}{Path(path).suffix}")
        data = SPEC["data"] | {"source": {"path": path}, "recorded_at": recorded_at}
        (home / "pipeline.yaml").write_text(yaml.safe_dump(SPEC | {"data": data}))
        name, snapshot = take(Workspace.from_environment({"AIRLOOP_HOME": str(home)}), load(home), AS_OF)
        partitions = home / "store" / "partitions"
        return name, {
            each.digest: (partitions / each.digest / "rows.parquet").read_bytes() for each in snapshot.partitions
        }


def _write(frame, path):
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
        return
    times = frame[["at", "seen_at", "y_at"]].apply(lambda column: pd.to_datetime(column, utc=True))
    # Parquet has one type per column and file. Where a file holds the past, too, a word would make texts of it.
    is_future = frame["at"].min() >= AS_OF
    numbers = (
        frame["x"].astype(str) if is_future else pd.to_numeric(frame["x"], errors="coerce").round().astype("Int64")
    )
    frame.assign(**times, y=frame["y"].astype("boolean"), x=numbers).to_parquet(path)
