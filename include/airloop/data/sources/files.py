"""Files by pattern: Parquet or CSV on any fsspec file system."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from glob import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
from fsspec.utils import glob_translate

from airloop import digest
from airloop.data.sources import Listing, Span
from airloop.data.windows import Interval
from airloop.errors import DataError, Unreachable

if TYPE_CHECKING:
    import pyarrow as pa

    from airloop.data.raw import Raw

_CHANGING = (
    "size",
    "mtime",
    "ino",
    "LastModified",
    "last_modified",
    "ETag",
    "etag",
    "generation",
    "md5Hash",
    "updated",
)
"""What file systems tell about a file that changes with its bytes."""


class Files:
    """Files whose names match ``pattern``; a relative one lies below ``home``."""

    def __init__(self, home: Path, pattern: str) -> None:
        self.pattern = pattern
        is_relative = "://" not in pattern and not Path(pattern).is_absolute()
        self._fs, path = fsspec.url_to_fs(f"{escape(str(home))}/{pattern}" if is_relative else pattern)
        self._path = str(path)

    def spans(self, intervals: Sequence[Interval]) -> Iterator[Span]:
        """Yield one span per distinct file name: a file that holds many intervals is read once."""
        for name, group in groupby(intervals, self._name):
            together = tuple(group)
            yield Span(self._covers(together[0]), together, name)

    def list(self, span: Span) -> Listing:
        """Return the matching files, sorted, with a fingerprint of names, sizes, times and tags."""
        with _reporting(self.pattern):
            self._fs.invalidate_cache()
            found = self._fs.glob(self._name(span.intervals[0]), detail=True)
        files = {name: info for name, info in sorted(found.items()) if info.get("type") != "directory"}
        told = {name: {key: str(info[key]) for key in _CHANGING if key in info} for name, info in files.items()}
        return Listing(tuple(files), digest.of_value(told))

    def read(self, span: Span, listing: Listing, as_of: datetime) -> Iterator[Raw]:
        """Yield the files' rows, of Parquet one row group at a time.

        Raises DataError naming a file that is neither Parquet nor CSV, or is broken.
        """
        import pyarrow as pa

        from airloop.data.raw import of_table

        if len({_is_csv(name) for name in listing.files}) > 1:
            raise DataError(f"{span.what}: matches CSV and Parquet files; a source has one form")
        for name in listing.files:
            form, read = ("CSV", _read_csv) if _is_csv(name) else ("Parquet", _read_parquet)
            first_row = 0
            try:
                with self._fs.open(name, "rb", compression="infer" if form == "CSV" else None) as file:
                    for table in read(file):
                        yield of_table(name, table, typed=form == "Parquet", first_row=first_row)
                        first_row += table.num_rows
            except FileNotFoundError:
                raise
            except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
                raise _failure(name, form, error) from error

    def nearest(self, instant: datetime) -> datetime | None:
        """Return the date or hour nearest to ``instant`` for which a file exists."""
        pattern = self._path.replace("{date}", "*").replace("{hour}", "*")
        if pattern == self._path:
            return None
        shape = glob_translate(self._path.replace("{date}", "@date@").replace("{hour}", "@hour@"))
        for name, digits in (("date", r"\d{4}-\d{2}-\d{2}"), ("hour", r"\d{2}")):
            shape = shape.replace(f"@{name}@", f"(?P<{name}>{digits})", 1).replace(f"@{name}@", digits)
        with _reporting(self.pattern):
            matches = [match for name in self._fs.glob(pattern) if (match := re.fullmatch(shape, name))]
        starts = [start for match in matches if (start := _start(match.groupdict()))]
        return min(starts, key=lambda start: abs(start - instant), default=None)

    def close(self) -> None:
        """Do nothing: every file is closed once it is read."""

    def _name(self, interval: Interval) -> str:
        start = interval.start
        if start is None:
            return self._path
        return self._path.replace("{date}", f"{start:%Y-%m-%d}").replace("{hour}", f"{start:%H}")

    def _covers(self, interval: Interval) -> Interval:
        if interval.start is None or "{date}" not in self._path:
            return Interval()
        if "{hour}" in self._path:
            return interval
        day = interval.start.replace(hour=0)
        return Interval(day, day + timedelta(days=1))


def _is_csv(name: str) -> bool:
    return re.search(r"\.csv(\.\w+)?$", name, re.IGNORECASE) is not None


def _read_parquet(file: Any) -> Iterator[pa.Table]:
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(file)
    # What pandas writes for a frame whose index has no name is no column.
    names = [name for name in parquet.schema_arrow.names if not re.fullmatch(r"__index_level_\d+__", name)]
    for number in range(parquet.num_row_groups):
        yield parquet.read_row_group(number, columns=names, use_threads=False).replace_schema_metadata(None)


def _read_csv(file: Any) -> Iterator[pa.Table]:
    """Yield every column as text: the values visible at ``as_of`` decide on types, and they are not known yet."""
    import pyarrow as pa
    from pyarrow import csv

    data = file.read()
    names = csv.open_csv(pa.BufferReader(data)).schema.names
    texts = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
    )
    yield csv.read_csv(pa.BufferReader(data), convert_options=texts)


def _start(found: dict[str, str | None]) -> datetime | None:
    if found.get("date") is None:
        return None
    try:
        return datetime.fromisoformat(f"{found['date']}T{found.get('hour') or '00'}").replace(tzinfo=UTC)
    except ValueError:
        return None


def _failure(name: str, form: str, error: Exception) -> DataError | Unreachable:
    """Tell a broken file from a file system that does not answer: Arrow reports both as OSError."""
    if isinstance(error, ConnectionError | TimeoutError) or getattr(error, "errno", None) is not None:
        return _unreachable(name, error)
    return DataError(f"{name}: cannot be read as {form} (CSV is told by .csv): {error}")


def _unreachable(what: str, error: Exception) -> Unreachable:
    return Unreachable(f"source {what}: {error}. Check that it is mounted or reachable, then retry")


@contextmanager
def _reporting(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unreachable(what, error) from error
