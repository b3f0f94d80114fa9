from __future__ import annotations

import logging

import pandas as pd
import pytest

from airloop.errors import DataError


def change(room, day, edit):
    path = room.folder / "rows" / f"2013-01-0{day}.parquet"
    edit(pd.read_parquet(path)).to_parquet(path, index=False)


def test_whole_numbers_widen_to_numbers(room):
    room.days()
    change(room, 2, lambda frame: frame.assign(x=[1, 2, 3]))
    _, snapshot = room.take()
    assert snapshot.columns["x"] == "double"
    assert room.rows(snapshot)["x"].dtype == "float64"


def test_a_column_without_values_takes_the_type_of_the_others(room):
    room.days()
    change(room, 1, lambda frame: frame.assign(x=None))
    _, snapshot = room.take()
    assert snapshot.columns["x"] == "double"
    assert room.rows(snapshot)["x"].isna().sum() == 3


def test_another_type_is_refused(room):
    room.days()
    change(room, 3, lambda frame: frame.assign(x=["a", "b", "c"]))
    with pytest.raises(
        DataError,
        match=r"column 'x' has type double in partition \[2013-01-01T00:00:00Z, 2013-01-02T00:00:00Z\) and string in "
        r"\[2013-01-03T00:00:00Z, 2013-01-04T00:00:00Z\); say in data.columns what it is, for example x: text",
    ):
        room.take()


def test_a_declared_type_settles_the_matter(room):
    room.data |= {"columns": {"x": "number"}}
    room.days()
    change(room, 3, lambda frame: frame.assign(x=["1", "2.5", "3"]))
    assert room.take()[1].columns["x"] == "double"


def test_a_column_that_vanishes_is_refused(room):
    room.days()
    change(room, 3, lambda frame: frame.drop(columns="x"))
    with pytest.raises(
        DataError, match=r"demo: column 'x' is in partition \[2013-01-01.* but not in \[2013-01-03.*features.inputs"
    ):
        room.take()


def test_a_column_that_no_feature_needs_may_vanish(room):
    room.spec = {"features": {"build": "features.py:build", "inputs": ["id"]}}
    (room.folder / "pipelines" / "demo").mkdir(parents=True)
    (room.folder / "pipelines" / "demo" / "features.py").write_text("def build(frame):\n    return frame\n")
    room.days()
    change(room, 3, lambda frame: frame.drop(columns="x"))
    assert list(room.take()[1].columns) == ["at", "id", "y", "y_at"]


def test_a_new_column_is_left_out_until_all_partitions_have_it(room, caplog):
    room.days()
    change(room, 4, lambda frame: frame.assign(news=1))
    with caplog.at_level(logging.WARNING):
        _, snapshot = room.take()
    assert "news" not in snapshot.columns
    assert "news" not in room.rows(snapshot).columns
    assert "columns news are not in all partitions" in caplog.text


def test_a_declared_column_that_is_not_there_is_refused(room):
    room.data |= {"columns": {"xx": "number"}}
    room.days()
    with pytest.raises(
        DataError, match=r"no column 'xx' \(data.columns\). Did you mean 'x'\? Known: at, id, x, y, y_at"
    ):
        room.take()


@pytest.mark.parametrize(
    ("key", "value", "meaning"),
    [
        ("event_time", "att", "data.event_time"),
        ("label", {"column": "yy"}, "data.label.column"),
        ("key", ["ids"], "data.key"),
    ],
)
def test_a_column_that_the_spec_names_must_be_there(room, key, value, meaning):
    room.days()
    room.data |= {key: value}
    with pytest.raises(DataError, match=rf"2013-01-01.parquet: no column '\w+' \({meaning}\). Did you mean"):
        room.take()
