"""From the files of the prediction log to a window's rows: united, each once, in one order."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from airloop.data.raw import Mask
from airloop.data.windows import micros
from airloop.monitoring.log import AHEAD, LOOK_BACK, Counted, Logged, instant_column, key_columns
from airloop.monitoring.log_files import AT_ONCE, Footer, footers, naming
from airloop.monitoring.uniting import check, united
from airloop.serving.compact import OWN
from airloop.statistics.metrics import Array

if TYPE_CHECKING:
    import pandas as pd

    from airloop.monitoring.window import Window
    from airloop.spec import Pipeline
    from airloop.spec.model import Spec
    from airloop.store import Store
    from airloop.workspace import Workspace

_AHEAD = AHEAD // timedelta(microseconds=1)
_FIRST = ("answered_at", "request_id", "request_row", "version", "bundle")
"""Who was first; ties are broken by all the rest, so that it is always the same row."""


def count(workspace: Workspace, pipeline: Pipeline, window: Window) -> Counted:
    """Return how many rows the window has, repeated ones included; see ``airloop.monitoring.log``."""
    instant = instant_column(pipeline.spec)
    start, end = micros(window.start), micros(window.end)
    rows: Counter[tuple[str, str]] = Counter()
    newest = start - 1
    for footer in footers(workspace.store, pipeline.name, instant, window, AHEAD):
        if not footer.touches(start, end):
            continue
        if footer.version and footer.lies_within(start, end) and footer.last <= footer.answered_first + _AHEAD:
            rows[footer.version, footer.bundle] += footer.rows
            newest = max(newest, footer.last)
            continue
        table = _table(workspace.store, footer, (instant,))
        instants = _instants(table, instant)
        inside = (instants >= start) & (instants < end) & (instants <= _micros(table["answered_at"]) + _AHEAD)
        rows.update(
            zip(*(table[name].filter(pa.array(inside)).to_pylist() for name in ("version", "bundle")), strict=True)
        )
        newest = max(newest, int(instants[inside].max(initial=newest)))
    versions = sorted({version for version, _ in rows}, key=lambda version: (-_rows_of(rows, version), version))
    return Counted(
        rows=rows.total(),
        versions={version: _rows_of(rows, version) for version in versions},
        bundles={version: max(bundle for one, bundle in rows if one == version) for version in versions},
        newest=None if newest < start else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=newest),
    )


def read(workspace: Workspace, pipeline: Pipeline, window: Window, columns: tuple[str, ...] | None) -> Logged:
    """Return the window's rows, each once; see ``airloop.monitoring.log``."""
    spec = pipeline.spec
    instant, key = instant_column(spec), key_columns(spec)
    start, end = micros(window.start), micros(window.end)
    since = start if key else start - LOOK_BACK // timedelta(microseconds=1)
    wanted = None if columns is None else (instant, *key, *columns)
    files = [
        footer
        for footer in footers(workspace.store, pipeline.name, instant, window, AHEAD)
        if footer.touches(since, end)
        or (footer.was_answered(start, end) and footer.last > footer.answered_first + _AHEAD)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tables = pool.map(lambda file: _table(workspace.store, file, wanted), files)
        cut = [_cut(table, instant, since, start, end) for table in tables]
    ahead = sum(early for _, early in cut)
    table, notes = united([table for table, _ in cut if table.num_rows], spec)
    first = table.sort_by([(name, "ascending") for name in _FIRST])
    once = first.filter(pa.array(~_repeats(first, key)))
    inside = once.filter(pa.array(_instants(once, instant) >= start))
    before = int((_instants(first, instant) < start).sum())
    return Logged(_sorted(inside, instant, key), first.num_rows - before - inside.num_rows, ahead, notes)


def instants(spec: Spec, table: pa.Table) -> Array:
    """Return the rows' instants, microseconds since 1970 UTC, shape (n,)."""
    return _instants(table, instant_column(spec))


def _rows_of(rows: Counter[tuple[str, str]], version: str) -> int:
    return sum(count for (one, _), count in rows.items() if one == version)


def _table(store: Store, footer: Footer, columns: tuple[str, ...] | None) -> pa.Table:
    """Return a file's rows with the log's own columns and those of ``columns`` that it has."""
    import pyarrow.parquet as pq

    with naming(store, footer.path), store.opened(footer.path) as file:
        parquet = pq.ParquetFile(file)
        wanted = None if columns is None else [name for name in parquet.schema_arrow.names if name in (*OWN, *columns)]
        table = parquet.read(columns=wanted, use_threads=False).replace_schema_metadata(None)
    check(table, f"{store.url}/{footer.path}")
    return table


def _cut(table: pa.Table, instant: str, since: int, start: int, end: int) -> tuple[pa.Table, int]:
    """Return the rows of the window, and how many of it come from clocks that run ahead."""
    events, answered = _instants(table, instant), _micros(table["answered_at"])
    is_ahead = events > answered + _AHEAD
    of_window = ((events >= start) & (events < end)) | ((answered >= start) & (answered < end))
    inside = (events >= since) & (events < end) & ~is_ahead
    return table.filter(pa.array(inside)), int((is_ahead & of_window).sum())


def _instants(table: pa.Table, instant: str) -> Array:
    answered = table["answered_at"]
    if instant not in table.column_names:
        return _micros(answered)
    return _micros(pc.coalesce(table[instant], answered))


def _micros(times: pa.ChunkedArray) -> Array:
    values: Array = times.cast(pa.int64()).to_numpy()
    return values


def _repeats(table: pa.Table, key: tuple[str, ...]) -> Mask:
    """Return which rows repeat an earlier one, shape (n,)."""
    requests: pd.DataFrame = table.select(["request_id", "request_row"]).to_pandas()
    if not key:
        found: Mask = requests.duplicated().to_numpy()
        return found
    keys: pd.DataFrame = table.select([name for name in key if name in table.column_names]).to_pandas()
    complete: Mask = keys.notna().all(axis=1).to_numpy() & (len(keys.columns) == len(key))
    repeats: Mask = complete & keys.duplicated().to_numpy()
    repeats[~complete] = requests[~complete].duplicated().to_numpy()
    return repeats


def _sorted(table: pa.Table, instant: str, key: tuple[str, ...]) -> pa.Table:
    if not table.num_rows:
        return table
    names = [name for name in key if name in table.column_names]
    keyed = table.select(list(dict.fromkeys([*names, "request_id", "request_row"])))
    keyed = keyed.append_column("", pa.array(_instants(table, instant)))
    order = pc.sort_indices(keyed, [(name, "ascending") for name in ("", *keyed.column_names[:-1])])
    return table.take(order).combine_chunks()
