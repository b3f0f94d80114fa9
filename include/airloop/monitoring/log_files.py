"""Which files of the prediction log can hold rows of a window, told by their footers.

A replayed past is answered today, so a day's folder says nothing about its events. Footers do, and those of days that
are over are kept in the store under the digest of the folder's list of files: months of files cost one look-up a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from airloop import digest
from airloop.data.windows import micros
from airloop.errors import AirloopError, DataError, Unreachable
from airloop.serving.compact import KIND

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

    from airloop.monitoring.window import Window
    from airloop.store import Store

INDEX = "prediction_index"
FORMAT = 1
AT_ONCE = 8
_NEVER = -(2**63)


class Footer(msgspec.Struct, frozen=True, array_like=True):
    """What a file's footer tells; times in microseconds since 1970 UTC, all bounds inclusive."""

    path: str
    """Relative to the store."""
    rows: int
    first: int
    last: int
    """Instants of the rows, event's or answer's."""
    answered_first: int
    answered_last: int
    version: str
    """Of all rows; "" where they have several."""
    bundle: str

    def touches(self, start: int, end: int) -> bool:
        """Return whether a row's instant may lie in ``[start, end)``."""
        return self.first < end and self.last >= start

    def lies_within(self, start: int, end: int) -> bool:
        """Return whether all rows' instants lie in ``[start, end)``."""
        return start <= self.first and self.last < end

    def was_answered(self, start: int, end: int) -> bool:
        """Return whether a row may have been answered in ``[start, end)``."""
        return self.answered_first < end and self.answered_last >= start


def footers(store: Store, pipeline: str, instant: str, window: Window, ahead: timedelta) -> Iterator[Footer]:
    """Yield the footers of all files that may hold rows of ``window``, oldest day first.

    ``instant`` is the log's column with the rows' instants, ``ahead`` how much later than its answer an event may be.
    Raises DataError naming a file that is no Parquet, and Unreachable.
    """
    days = store.folders(f"{KIND}/{pipeline}")
    earliest = f"date={(window.start - ahead).date()}"
    latest = f"date={window.end.date()}" if instant == "answered_at" else f"date={date.max}"
    for day in days:
        if earliest <= day <= latest:
            # The newest folder still grows: an index of it would be good for one run.
            yield from _day(store, f"{KIND}/{pipeline}/{day}", instant, is_over=day != days[-1])


def _day(store: Store, folder: str, instant: str, *, is_over: bool) -> list[Footer]:
    files = store.listing(folder, ".parquet")
    name = digest.of_value({"format": FORMAT, "instant": instant, "folder": folder, "files": files})
    if is_over and store.has(INDEX, name):
        return msgspec.convert(store.get_json(INDEX, name), list[Footer])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda file: _read(store, f"{folder}/{file}", instant), files))
    found = [footer for footer in found if footer.rows]
    if is_over:
        store.put_json(INDEX, name, msgspec.to_builtins(found))
    return found


def _read(store: Store, path: str, instant: str) -> Footer:
    import pyarrow.parquet as pq

    with naming(store, path), store.opened(path) as file:
        footer = pq.read_metadata(file)
    names = footer.schema.to_arrow_schema().names
    absent = {"request_id", "request_row", "answered_at", "version", "bundle"} - set(names)
    if absent:
        raise DataError(f"{store.url}/{path}: no column {sorted(absent)[0]!r}; it is no file of the prediction log")
    answered = _bounds(footer, names.index("answered_at"))
    instants = _instants(footer, names, instant, answered)
    version, bundle = (_only(footer, names.index(name)) for name in ("version", "bundle"))
    return Footer(path, footer.num_rows, *instants, *answered, version if bundle else "", bundle if version else "")


def _instants(footer: FileMetaData, names: list[str], instant: str, answered: tuple[int, int]) -> tuple[int, int]:
    """Return the bounds of the rows' instants: where an event's is missing, the answer's counts."""
    if instant not in names:
        return answered
    place = names.index(instant)
    first, last = _bounds(footer, place)
    if any(group is None or group.null_count is None or group.null_count for group in _statistics(footer, place)):
        return min(first, answered[0]), max(last, answered[1])
    return first, last


def _bounds(footer: FileMetaData, place: int) -> tuple[int, int]:
    """Return first and last of a column of times; all time where the footer does not tell."""
    groups = [group for group in _statistics(footer, place) if not (group and group.num_values == 0)]
    if any(group is None or not group.has_min_max for group in groups):
        return _NEVER, -_NEVER - 1
    return (
        min((micros(group.min) for group in groups), default=-_NEVER - 1),
        max((micros(group.max) for group in groups), default=_NEVER),
    )


def _only(footer: FileMetaData, place: int) -> str:
    """Return the one text in a column; "" where there are several, or the footer does not tell."""
    found = set()
    for group in _statistics(footer, place):
        if group is None or not group.has_min_max:
            return ""
        found |= {group.min, group.max}
    return str(found.pop()) if len(found) == 1 else ""


def _statistics(footer: FileMetaData, place: int) -> list[Any]:
    return [footer.row_group(number).column(place).statistics for number in range(footer.num_row_groups)]


@contextmanager
def naming(store: Store, path: str) -> Iterator[None]:
    """Say which file cannot be read: broken is a DataError, vanished or out of reach is Unreachable."""
    import pyarrow as pa

    try:
        yield
    except AirloopError:
        raise
    except FileNotFoundError as error:
        raise Unreachable(f"{store.url}/{path} vanished while it was read; retry") from error
    except (pa.ArrowException, OSError, EOFError) as error:
        # Arrow reports a broken file as OSError too, but without a number.
        if getattr(error, "errno", None) is not None or isinstance(error, ConnectionError | TimeoutError):
            raise Unreachable(f"{store.url}/{path}: {error}. Check that the store is reachable, then retry") from error
        raise DataError(
            f"{store.url}/{path}: cannot be read as Parquet: {error}. The file is broken: put back a good copy, or "
            "move it away and accept that its predictions are not counted"
        ) from error
