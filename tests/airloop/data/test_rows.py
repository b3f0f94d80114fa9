from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from airloop.data import read_partition
from airloop.data.rows import iter_part, part_of


@pytest.fixture
def biopsies(timeless):
    timeless.write("rows.parquet", _frame(2000))
    return timeless


def _frame(rows, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {"a": random.normal(size=rows), "b": random.integers(0, 9, rows), "y": random.random(rows) < 0.5}
    )


def parts(room):
    """Return the part of each row by its value ``a``."""
    _, snapshot = room.take()
    frame = room.rows(snapshot)
    return dict(zip(frame["a"], part_of(room.pipeline.spec, snapshot, frame), strict=True))


def test_windows_decide_on_the_part_of_a_row(room):
    room.days(1, 5)
    _, snapshot = room.take("2013-01-05T07:30:00Z")
    frame = room.rows(snapshot)
    found = part_of(room.pipeline.spec, snapshot, frame)
    assert dict(zip(frame["id"].tolist(), found.tolist(), strict=True)) == {
        **dict.fromkeys([100, 101], "outside"),
        **dict.fromkeys([102, 200, 201, 202, 300, 301, 302, 400, 401], "train"),
        **dict.fromkeys([402, 500, 501], "holdout"),
    }


def test_parts_have_labelled_rows_at_their_positions(room):
    room.days()
    _, snapshot = room.take("2013-01-04T08:10:00Z")
    train = list(iter_part(room.workspace, room.pipeline.spec, snapshot, "train", {}))
    holdout = list(iter_part(room.workspace, room.pipeline.spec, snapshot, "holdout", {}))
    assert [partition.start.day for partition, _ in train] == [1, 2, 3]
    assert [frame["id"].tolist() for _, frame in train] == [[100, 101, 102], [200, 201, 202], [300, 301, 302]][:3]
    assert [(frame["id"].tolist(), frame.index.tolist()) for _, frame in holdout] == [([400, 401], [0, 1])]
    assert {str(frame["y"].dtype) for _, frame in train + holdout} == {"bool"}


def test_excluded_rows_are_left_out(room):
    room.days()
    _, snapshot = room.take()
    first, second = snapshot.partitions[:2]
    excluded = {first.digest: np.array([0, 2]), second.digest: np.array([0, 1, 2])}
    found = list(iter_part(room.workspace, room.pipeline.spec, snapshot, "train", excluded))
    assert [(partition.start.day, frame["id"].tolist(), frame.index.tolist()) for partition, frame in found] == [
        (1, [101], [1]),
        (3, [300, 301, 302], [0, 1, 2]),
    ]


def test_rows_without_time_are_split_by_the_share(biopsies):
    found = pd.Series(parts(biopsies)).value_counts(normalize=True)
    assert found["holdout"] == pytest.approx(0.3, abs=0.03)
    assert found.sum() == 1


def test_the_split_is_the_same_for_any_order_and_with_more_rows(biopsies):
    before = parts(biopsies)
    more = pd.concat([_frame(500, seed=1), _frame(2000)]).sample(frac=1, random_state=0)
    # A first missing value turns whole numbers into fractions; labels become known; neither moves a row.
    more = pd.concat([more, pd.DataFrame({"a": [9.0], "b": [None], "y": [True]})]).assign(y=True)
    biopsies.write("rows.parquet", more)
    after = parts(biopsies)
    assert len(after) == 2501
    assert {value: after[value] for value in before} == before


def test_a_column_without_values_moves_no_row(biopsies):
    before = parts(biopsies)
    for values in (None, "text"):
        biopsies.write("rows.parquet", pd.concat([_frame(2000).assign(c=None), _frame(1, seed=1).assign(c=values)]))
        after = parts(biopsies)
        assert {value: after[value] for value in before} == before


def test_a_larger_share_only_adds_to_the_holdout(biopsies):
    before = parts(biopsies)
    biopsies.data |= {"holdout_share": 0.5}
    after = parts(biopsies)
    assert all(after[value] == "holdout" for value, part in before.items() if part == "holdout")
    assert sum(part == "holdout" for part in after.values()) == pytest.approx(1000, abs=60)


def test_equal_rows_are_in_the_same_part(timeless):
    frame = pd.concat([_frame(100), _frame(100)])
    timeless.write("rows.parquet", frame)
    _, snapshot = timeless.take()
    rows = timeless.rows(snapshot)
    rows["part"] = part_of(timeless.pipeline.spec, snapshot, rows)
    assert rows.groupby("a")["part"].agg(["nunique", "size"]).values.tolist() == [[1, 2]] * 100


def test_a_key_decides_alone(biopsies):
    biopsies.data |= {"key": ["a"]}
    before = parts(biopsies)
    biopsies.write("rows.parquet", _frame(2000).assign(b=1))
    assert parts(biopsies) == before


def test_another_pipeline_splits_otherwise(biopsies):
    _, snapshot = biopsies.take()
    frame = biopsies.rows(snapshot)
    spec = biopsies.pipeline.spec
    other = spec.model_copy(update={"name": "other"})
    both = part_of(spec, snapshot, frame), part_of(other, snapshot, frame)
    assert 0.35 < np.mean(both[0] == both[1]) < 0.65


def test_partitions_are_read_with_plain_types(room):
    room.days()
    _, snapshot = room.take("2013-01-04T07:10:00Z")
    complete, last = (read_partition(room.workspace, snapshot.partitions[n]) for n in (0, -1))
    assert [str(complete[name].dtype) for name in ("at", "id", "x", "y")] == [
        "datetime64[us, UTC]",
        "int64",
        "float64",
        "bool",
    ]
    assert str(last["y"].dtype) == "boolean"
    assert complete.index.equals(pd.RangeIndex(3))
