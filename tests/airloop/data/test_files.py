from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from airloop.data.sources.files import Files
from airloop.errors import DataError, SourceChanged, Unreachable


def test_csv_and_parquet_with_the_same_rows_are_the_same_snapshot(room):
    room.days()
    name, _ = room.take()
    for path in (room.folder / "rows").iterdir():
        pd.read_parquet(path).to_csv(path.with_suffix(".csv"), index=False)
    room.data |= {"source": {"path": "rows/{date}.csv"}}
    assert room.take()[0] == name


def test_a_compressed_csv_is_read(room):
    room.days()
    name, _ = room.take()
    for path in (room.folder / "rows").iterdir():
        text = pd.read_parquet(path).to_csv(index=False)
        path.with_suffix(".csv.gz").write_bytes(gzip.compress(text.encode()))
    room.data |= {"source": {"path": "rows/{date}.csv.gz"}}
    assert room.take()[0] == name


def test_several_files_of_a_day_are_one_partition(room):
    room.days()
    name, _ = room.take()
    for path in (room.folder / "rows").iterdir():
        frame = pd.read_parquet(path)
        folder = room.folder / "parts" / f"date={path.stem}" / "hour=00"
        folder.mkdir(parents=True)
        frame.iloc[2:].to_parquet(folder / "a.parquet")
        # Types may differ from file to file where one is wider, and an index of pandas is no column.
        frame.iloc[:2].astype({"x": int, "id": "int32"}).to_parquet(folder / "b.parquet", index=True)
    room.data |= {"source": {"path": "parts/date={date}/**/*.parquet"}}
    assert room.take()[0] == name


def test_files_by_hour(room, make_row):
    room.data |= {
        "source": {"path": "rows/{date}/{hour}.parquet"},
        "partition": "hour",
        "train_window": "3h",
        "holdout_window": "1h",
    }
    for hour in range(4):
        room.write(f"rows/2013-01-01/{hour:02}.parquet", [make_row(hour, f"2013-01-01T{hour:02}:30Z")])
    _, snapshot = room.take("2013-01-01T04:00:00Z")
    assert [each.start.hour for each in snapshot.partitions] == [0, 1, 2, 3]


def test_a_row_in_the_file_of_another_day_is_refused(room, make_row):
    room.days()
    room.write("rows/2013-01-02.parquet", [make_row(1, "2013-01-02T06:00Z"), make_row(2, "2013-01-03T06:00Z")])
    with pytest.raises(
        DataError,
        match=r"2013-01-02.parquet, row 2: event time 2013-01-03T06:00:00Z is outside of \[2013-01-02T00:00:00Z, "
        r"2013-01-03T00:00:00Z\), as in 1 visible rows. .* write \* instead of \{date\} in data.source.path",
    ):
        room.take()


def test_a_row_in_the_file_of_another_day_does_not_matter_before_it_happened(room, make_row):
    room.days()
    path = room.folder / "rows" / "2013-01-04.parquet"
    frame = pd.read_parquet(path)
    name, _ = room.take()
    pd.concat([frame, frame.tail(1).assign(at=pd.Timestamp("2013-01-09T06:00Z"))]).to_parquet(path, index=False)
    assert room.take()[0] == name
    room.days(5, 9)
    room.data |= {"train_window": "6d"}
    with pytest.raises(DataError, match=r"2013-01-04.parquet, row 4: event time 2013-01-09"):
        room.take("2013-01-10")


def test_an_event_without_a_time_is_refused(room, make_row):
    room.days()
    room.write("rows/2013-01-02.parquet", [make_row(1, "2013-01-02T06:00Z"), {"id": 2}])
    with pytest.raises(DataError, match=r"row 2: column 'at' is empty; as data.event_time it must not be"):
        room.take()


def test_a_broken_file_is_named(room):
    room.days()
    (room.folder / "rows" / "2013-01-02.parquet").write_text("hello")
    with pytest.raises(DataError, match=r"rows/2013-01-02.parquet: cannot be read as Parquet \(CSV is told by .csv\)"):
        room.take()


def test_a_file_with_broken_pages_is_named(room):
    room.days()
    path = room.folder / "rows" / "2013-01-02.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 500 + whole[504:])
    with pytest.raises(DataError, match=r"2013-01-02.parquet: cannot be read as Parquet"):
        room.take()


def test_a_truncated_archive_is_named(room):
    room.data |= {"source": {"path": "all.csv.gz"}}
    (room.folder / "all.csv.gz").write_bytes(gzip.compress(b"id,at,y,y_at\n" * 99)[:-9])
    with pytest.raises(DataError, match=r"all.csv.gz: cannot be read as CSV"):
        room.take()


def test_a_file_that_may_not_be_read_is_unreachable(room):
    class Closed(LocalFileSystem):
        protocol = "closed"

        @classmethod
        def _strip_protocol(cls, path):
            return str(path).removeprefix("closed://")

        def _open(self, path, mode="rb", **kwargs):
            raise PermissionError(13, "Permission denied", path)

    fsspec.register_implementation("closed", Closed, clobber=True)
    room.days()
    room.data |= {"source": {"path": f"closed://{room.folder}/rows/{{date}}.parquet"}}
    with pytest.raises(Unreachable, match=r"2013-01-0\d.parquet: .*Permission denied.*Check that it is mounted"):
        room.take()


def test_a_csv_with_uneven_rows_is_named(room):
    room.data |= {"source": {"path": "all.csv"}}
    (room.folder / "all.csv").write_text("id,at,y,y_at\n1,2013-01-01,true\n")
    with pytest.raises(DataError, match=r"all.csv: cannot be read as CSV .*Expected 4 columns, got 3"):
        room.take()


def test_two_columns_of_one_name_are_refused(room):
    room.data |= {"source": {"path": "all.csv"}}
    (room.folder / "all.csv").write_text("id,at,y,y\n1,2013-01-01,true,false\n")
    with pytest.raises(DataError, match=r"all.csv: more than one column is called 'y'"):
        room.take()


def test_files_of_one_day_must_have_the_same_columns(room, make_row):
    room.data |= {"source": {"path": "rows/{date}*.parquet"}}
    room.days()
    room.write("rows/2013-01-02b.parquet", [make_row(9, "2013-01-02T06:00Z", more=1)])
    with pytest.raises(DataError, match=r"differ in columns: only one of them has \['more'\]"):
        room.take()


def test_files_of_one_day_must_have_types_that_fit(room, make_row):
    room.data |= {"source": {"path": "rows/{date}*.parquet"}}
    room.days()
    room.write("rows/2013-01-02b.parquet", [make_row(9, "2013-01-02T06:00Z", x="nine")])
    with pytest.raises(DataError, match=r"2013-01-02.parquet, \S*2013-01-02b.parquet: one column has different types"):
        room.take()


def test_csv_beside_parquet_is_refused(room, make_row):
    room.data |= {"source": {"path": "rows/{date}*"}}
    room.days()
    room.write("rows/2013-01-02.csv", [make_row(9, "2013-01-02T06:00Z")])
    with pytest.raises(DataError, match="matches CSV and Parquet files; a source has one form"):
        room.take()


def test_the_nearest_file_is_told_by_names_alone(tmp_path: Path):
    for day in ("2013-01-01", "2013-01-09", "no-date"):
        (tmp_path / f"date={day}").mkdir()
        (tmp_path / f"date={day}" / "x.parquet").touch()
    files = Files(tmp_path, "date={date}/*.parquet")
    assert files.nearest(datetime(2013, 1, 6, tzinfo=UTC)) == datetime(2013, 1, 9, tzinfo=UTC)
    assert Files(tmp_path, "none/{date}/{hour}/*").nearest(datetime(2013, 1, 6, tzinfo=UTC)) is None


def test_a_home_with_odd_letters_is_no_pattern(room):
    room.days()
    name, _ = room.take()
    room.folder = room.folder / "home [1]*"
    room.days()
    assert room.take()[0] == name
    with pytest.raises(DataError, match="the nearest rows seem to be at 2013-01-04"):
        room.take("2013-02-01")


class Fickle(LocalFileSystem):
    """Files that are written anew while they are read, the first ``changes`` times."""

    protocol = "fickle"
    changes = 0
    is_broken = False

    @classmethod
    def _strip_protocol(cls, path):
        return str(path).removeprefix("fickle://")

    def _open(self, path, mode="rb", **kwargs):
        if Fickle.changes and "2013-01-02" in path:
            Fickle.changes -= 1
            written = Path(path).with_suffix(".part")
            whole = Path(path).with_suffix(".whole").read_bytes()
            written.write_bytes(whole[:-9] if Fickle.is_broken and Fickle.changes else whole)
            written.replace(path)
        return super()._open(path, mode, **kwargs)


@pytest.fixture
def fickle(room):
    fsspec.register_implementation("fickle", Fickle, clobber=True)
    room.days()
    path = room.folder / "rows" / "2013-01-02.parquet"
    path.with_suffix(".whole").write_bytes(path.read_bytes())
    room.data |= {"source": {"path": f"fickle://{room.folder}/rows/{{date}}.parquet"}}
    yield room
    Fickle.changes, Fickle.is_broken = 0, False


def test_a_file_that_changes_while_it_is_read_is_read_again(fickle):
    Fickle.changes = 3
    assert len(fickle.rows(fickle.take()[1])) == 12
    assert Fickle.changes == 0


def test_a_file_that_is_half_written_while_it_is_read_is_read_again(fickle):
    Fickle.changes, Fickle.is_broken = 3, True
    assert len(fickle.rows(fickle.take()[1])) == 12


def test_a_file_that_keeps_changing_is_given_up(fickle):
    Fickle.changes = 99
    with pytest.raises(SourceChanged, match=r"2013-01-02.parquet: changed each of the 4 times it was read") as caught:
        fickle.take()
    assert caught.value.retryable
    assert not (fickle.folder / "store" / "snapshots").exists()


def test_a_source_that_does_not_answer_is_unreachable(room):
    class Down(MemoryFileSystem):
        protocol = "down"

        def glob(self, path, **kwargs):
            raise OSError("connection timed out")

    fsspec.register_implementation("down", Down, clobber=True)
    room.data |= {"source": {"path": "down://rows/{date}.parquet"}}
    with pytest.raises(Unreachable, match=r"source down://rows/\{date\}.parquet: connection timed out. Check that"):
        room.take()
