"""``python -m airloop.serving.compact JOURNAL``: closed journal segments become Parquet in ``AIRLOOP_STORE``.

Runs beside the server in a process of its own. A segment is deleted once its files are written; killed in between, the
next run writes the same files again, under the same names.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airloop.features.schema import Schema
from airloop.serving.journal import SUFFIX, Answered, Described, read

log = logging.getLogger(__name__)

KIND = "predictions"
OWN = ("request_id", "request_row", "answered_at", "version", "bundle")
"""The log's own columns; an input of the same name is written as ``input_<name>``, see ``input_column``."""


def input_column(name: str, schema: Schema) -> str:
    """Return the Parquet column of an input."""
    taken = {*OWN, schema.output, *(f"{schema.output}_{label}" for label in schema.classes)}
    return f"input_{name}" if name in taken else name


def compact(folder: Path, store_url: str) -> int:
    """Write all closed segments below ``folder`` to the store and delete them; return how many rows were written.

    Raises OSError when the store does not take them; what was not deleted is written again next time.
    """
    rows = 0
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with _closed(path) as is_mine:
            if is_mine:
                rows += _write_segment(path, store_url)
                path.unlink()
    return rows


@contextmanager
def _closed(path: Path) -> Iterator[bool]:
    """Give whether no server writes this segment and nobody else turns it into Parquet."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another process may have deleted it between open and lock.
        yield path.exists()
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _write_segment(path: Path, store_url: str) -> int:
    described: dict[int, Described] = {}
    parts: dict[tuple[int, str], list[Answered]] = {}
    for entry in read(path):
        if isinstance(entry, Described):
            described[entry.number] = entry
        else:
            day = datetime.fromtimestamp(entry.time_us / 1e6, UTC).date().isoformat()
            parts.setdefault((entry.number, day), []).append(entry)
    rows = 0
    for (number, day), entries in parts.items():
        about = described[number]
        name = uuid.uuid5(uuid.NAMESPACE_OID, f"{path.stem}/{number}/{day}").hex
        table = table_of(about, entries)
        _put(table, store_url, f"{KIND}/{about.pipeline}/date={day}/{name}.parquet")
        rows += table.num_rows
    return rows


def table_of(about: Described, entries: Iterable[Answered]) -> Any:
    """Return entries of one version as an Arrow table, one row per predicted row; private columns are not there."""
    import pyarrow as pa

    from airloop.features.arrow import ARROW

    entries = list(entries)
    counts = [len(entry.answers) for entry in entries]
    table: dict[str, Any] = {
        "request_id": pa.array(_repeated([entry.id for entry in entries], counts), pa.string()),
        "request_row": pa.array([row for count in counts for row in range(count)], pa.int32()),
        "answered_at": pa.array(_repeated([entry.time_us for entry in entries], counts), pa.timestamp("us", "UTC")),
        "version": pa.array([about.version] * sum(counts), pa.string()),
        "bundle": pa.array([about.bundle] * sum(counts), pa.string()),
    }
    public = [column for column in about.schema.inputs if column.name not in about.private]
    for place, column in enumerate(public):
        values = [value for entry in entries for value in entry.columns[place]]
        table[input_column(column.name, about.schema)] = pa.array(values, ARROW[column.kind])
    answers = [answer for entry in entries for answer in entry.answers]
    if about.schema.task == "multiclass":
        for place, label in enumerate(about.schema.classes):
            table[f"{about.schema.output}_{label}"] = pa.array([answer[place] for answer in answers], pa.float64())
    else:
        table[about.schema.output] = pa.array(answers, pa.float64())
    return pa.table(table)


def _repeated(values: list[Any], counts: list[int]) -> list[Any]:
    return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]


def _put(table: Any, store_url: str, path: str) -> None:
    import fsspec
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    data = sink.getvalue().to_pybytes()
    files, root = fsspec.url_to_fs(store_url)
    target = f"{root}/{path}"
    files.makedirs(target.rpartition("/")[0], exist_ok=True)
    # Readers list *.parquet, so a file appears whole or not at all.
    scratch = f"{target}.writing"
    files.pipe_file(scratch, data)
    files.mv(scratch, target)


def main(arguments: list[str]) -> int:
    """Compact once; the exit code is 1 when the store did not take everything."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    (folder,) = arguments
    try:
        log.info("prediction log: %d rows written", compact(Path(folder), os.environ["AIRLOOP_STORE"]))
    except OSError as error:
        log.error("prediction log: the store does not take it: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
