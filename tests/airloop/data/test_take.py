from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pytest

from airloop import clock
from airloop.data import load_snapshot, take
from airloop.errors import DataError


def test_snapshot_lists_partitions_oldest_first_and_is_kept(room):
    room.days()
    name, snapshot = room.take("2013-01-05")
    assert [each.start.day for each in snapshot.partitions] == [1, 2, 3, 4]
    assert [(each.rows, each.labelled) for each in snapshot.partitions] == [(3, 3)] * 4
    assert clock.iso(snapshot.train_start) == "2013-01-01T00:00:00Z"
    assert clock.iso(snapshot.holdout_start) == "2013-01-04T00:00:00Z"
    assert snapshot.missing == ()
    assert snapshot.columns == {
        "at": "timestamp[us, tz=UTC]",
        "id": "int64",
        "x": "double",
        "y": "bool",
        "y_at": "timestamp[us, tz=UTC]",
    }
    assert load_snapshot(room.workspace, name) == snapshot


def test_taking_again_gives_the_same_digest(room):
    room.days()
    assert room.take() == room.take()


def test_another_order_of_rows_and_columns_gives_the_same_digest(room):
    room.days()
    name, snapshot = room.take()
    for path in (room.folder / "rows").iterdir():
        frame = pd.read_parquet(path)
        frame.iloc[::-1, ::-1].to_parquet(path, index=False)
    assert room.take() == (name, snapshot)


def test_only_what_was_known_at_as_of_is_visible(room):
    room.days()
    _, snapshot = room.take("2013-01-04T07:10:00Z")
    last = room.rows(snapshot).query("at >= '2013-01-04T00Z'")
    assert last["id"].tolist() == [400, 401], "the event at 08:00 is in the future"
    assert last["y"].isna().tolist() == [False, True], "the label of 07:00 is known at 07:30"
    assert last["y_at"].isna().tolist() == [False, True]
    assert snapshot.partitions[-1].labelled == 1


def test_an_event_at_as_of_is_not_visible_but_a_label_known_at_it_is(room):
    room.days()
    _, snapshot = room.take("2013-01-04T06:30:00Z")
    last = room.rows(snapshot).query("at >= '2013-01-04T00Z'")
    assert last["id"].tolist() == [400]
    assert last["y"].tolist() == [True]
    _, snapshot = room.take("2013-01-04T06:00:00Z")
    assert room.rows(snapshot)["at"].max() == pd.Timestamp("2013-01-03T08:00Z")


def test_windows_across_partitions_keep_whole_partitions(room):
    room.days(1, 5)
    _, noon = room.take("2013-01-05T12:00:00Z")
    _, midnight = room.take("2013-01-06")
    assert clock.iso(noon.train_start) == "2013-01-01T12:00:00Z"
    assert [each.start.day for each in noon.partitions] == [1, 2, 3, 4, 5]
    assert set(midnight.partitions) <= set(noon.partitions), "a later run finds the partitions of an earlier one"


def test_a_late_correction_makes_a_new_partition_and_a_new_snapshot(room, make_row):
    room.data |= {"recorded_at": "seen_at"}
    first = make_row(1, "2013-01-03T06:00Z", seen_at="2013-01-03T07:00Z", x=1.0)
    room.days(4, 4)
    for day in (1, 2, 4):
        at = f"2013-01-0{day}T13:00Z"
        room.write(f"rows/2013-01-0{day}.parquet", [make_row(day, at, seen_at=at)])
    room.write("rows/2013-01-03.parquet", [first])
    old_name, old = room.take("2013-01-05")
    room.write("rows/2013-01-03.parquet", [first, {**first, "seen_at": "2013-01-05T09:00Z", "x": 2.0}])
    assert room.take("2013-01-05") == (old_name, old), "the correction is not known yet"
    name, new = room.take("2013-01-05T12:00:00Z")
    assert name != old_name
    assert new.partitions[2].digest != old.partitions[2].digest
    assert [new.partitions[n] for n in (0, 1, 3)] == [old.partitions[n] for n in (0, 1, 3)]
    assert room.rows(new).query("id == 1 and at > '2013-01-03T00Z'")["x"].tolist() == [2.0]


def test_labels_known_meanwhile_make_a_new_partition(room):
    room.days()
    _, early = room.take("2013-01-04T08:10:00Z")
    _, late = room.take("2013-01-04T08:40:00Z")
    assert early.partitions[-1].rows == late.partitions[-1].rows == 3
    assert (early.partitions[-1].labelled, late.partitions[-1].labelled) == (2, 3)
    assert early.partitions[-1].digest != late.partitions[-1].digest


def test_what_is_known_for_good_is_not_read_again(room):
    room.days(1, 5)
    room.take("2013-01-05")
    for path in (room.folder / "rows").glob("2013-01-0[1-4].parquet"):
        _spoil(path)
    _, later = room.take("2013-01-06")
    assert [each.start.day for each in later.partitions] == [2, 3, 4, 5]


def test_a_retry_does_not_read_what_may_still_change(room):
    room.days()
    as_of = "2013-01-04T07:10:00Z"
    first = room.take(as_of)
    _spoil(room.folder / "rows" / "2013-01-04.parquet")
    assert room.take(as_of) == first
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        room.take("2013-01-04T07:20:00Z")


def test_a_partition_lost_from_the_store_is_made_again(room):
    room.days()
    name, snapshot = room.take()
    folder = room.workspace.store.folder("partitions", snapshot.partitions[0].digest)
    (folder / ".files.json").unlink()
    (folder / "rows.parquet").unlink()
    folder.rmdir()
    assert room.take()[0] == name
    assert len(room.rows(snapshot)) == 12


def test_other_windows_find_the_same_partitions(room):
    room.days()
    _, snapshot = room.take()
    room.data |= {"train_window": "2d", "holdout_window": "2d", "missing": "block"}
    for path in (room.folder / "rows").iterdir():
        _spoil(path)
    assert room.take()[1].partitions == snapshot.partitions


def test_rows_without_time_are_one_partition(timeless):
    timeless.write("rows.parquet", [{"x": n, "y": n % 2 == 0} for n in range(10)])
    name, snapshot = timeless.take("2013-01-05")
    assert (snapshot.train_start, snapshot.holdout_start, snapshot.missing) == (None, None, ())
    assert [(each.start, each.end, each.rows) for each in snapshot.partitions] == [(None, None, 10)]
    later_name, later = timeless.take("2014-01-01")
    assert later.partitions == snapshot.partitions
    assert later_name != name, "the data cut-off belongs to the snapshot"


def test_hourly_partitions_are_cut_from_daily_files(room):
    room.data |= {"partition": "hour", "train_window": "3h", "holdout_window": "1h"}
    room.days(1, 1, per_day=5)
    _, snapshot = room.take("2013-01-01T10:00:00Z")
    assert [each.start.hour for each in snapshot.partitions] == [6, 7, 8, 9]
    assert [each.rows for each in snapshot.partitions] == [1, 1, 1, 1]


def test_a_file_without_placeholder_is_cut_by_event_time(room, make_row):
    room.data |= {"source": {"path": "all/*.parquet"}}
    rows = [make_row(n, f"2013-01-{n:02}T06:00Z") for n in range(1, 9)]
    room.write("all/a.parquet", rows[::2])
    room.write("all/b.parquet", rows[1::2])
    _, snapshot = room.take("2013-01-05")
    assert room.rows(snapshot)["id"].tolist() == [1, 2, 3, 4]
    assert len(snapshot.partitions) == 4


def test_a_source_at_a_url_is_read_with_fsspec(room, make_row):
    import fsspec

    memory = fsspec.filesystem("memory")
    room.days()
    for path in (room.folder / "rows").iterdir():
        memory.pipe_file(f"/lake/{path.name}", path.read_bytes())
    name, _ = room.take()
    room.data |= {"source": {"path": "memory://lake/{date}.parquet"}}
    assert take(room.workspace, room.pipeline, clock.parse("2013-01-05"))[0] == name


def test_two_takes_at_once_give_the_same(room):
    room.days()
    pipeline, as_of = room.pipeline, clock.parse("2013-01-05")
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: take(room.workspace, pipeline, as_of), range(2)))
    assert both[0] == both[1]


@pytest.mark.parametrize("path", ["rows/{date}.parquet", "all.parquet"])
def test_memory_follows_partitions(room, path):
    frame = pd.DataFrame(
        {"at": pd.date_range("2013-01-01", periods=24 * 2000, freq="43s", tz="UTC"), "id": range(48_000)}
    )
    frame = frame.assign(**{f"x{n}": frame["id"] * 0.5 for n in range(20)}, y=True)
    room.data |= {"source": {"path": path}, "label": {"column": "y"}}
    if "{" in path:
        for day, rows in frame.groupby(frame["at"].dt.strftime("%Y-%m-%d")):
            room.write(f"rows/{day}.parquet", rows)
    else:
        frame.to_parquet(room.folder / path, row_group_size=2000)
    whole = pa.Table.from_pandas(frame).nbytes
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    before = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        room.take("2013-01-20")
    finally:
        pa.set_memory_pool(before)
    assert whole > 8_000_000
    assert pool.max_memory() < whole / 2, "four of 24 days are in the windows"


def _spoil(path):
    """Replace a file's bytes by others, and let it look as if nothing had happened."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"\0" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
