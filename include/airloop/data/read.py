"""Read partitions from the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airloop.data.partitions import KIND, ROWS

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

    from airloop.data.snapshot import Partition
    from airloop.spec.model import Data
    from airloop.workspace import Workspace


def read_partition(
    workspace: Workspace, partition: Partition, columns: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return a partition's canonical rows, shape (partition.rows, columns).

    The index is the row's position. Times are ``datetime64[us, UTC]``, texts ``str``, booleans ``bool`` (``boolean``
    where some are missing), numbers ``float64``, whole numbers ``int64`` (``float64`` where some are missing). A label
    that became known after the snapshot's ``as_of`` is missing. ``columns``, a snapshot's, selects columns and gives
    their common types. Raises FileNotFoundError when the partition is not in the store.
    """
    table = _table(workspace, partition, None if columns is None else list(columns))
    if columns is not None:
        table = _with_types(table.select(list(columns)), columns)
    frame: pd.DataFrame = table.to_pandas()
    nullable = [name for name in table.column_names if str(table[name].type) == "bool" and table[name].null_count]
    return frame.astype(dict.fromkeys(nullable, "boolean")) if nullable else frame


def read_events(workspace: Workspace, partition: Partition, data: Data) -> list[int]:
    """Return the rows' event times, microseconds since 1970 UTC, sorted."""
    import pyarrow as pa

    times = _table(workspace, partition, [str(data.event_time)]).column(0)
    return list(times.cast(pa.int64()).to_pylist())


def _table(workspace: Workspace, partition: Partition, columns: list[str] | None = None) -> pa.Table:
    import pyarrow.parquet as pq

    path: Path = workspace.store.folder(KIND, partition.digest) / ROWS
    return pq.ParquetFile(path).read(columns=columns, use_threads=False)


def _with_types(table: pa.Table, columns: Mapping[str, str]) -> pa.Table:
    import pyarrow as pa

    from airloop.features.arrow import ARROW

    types = {str(type_): type_ for type_ in (*ARROW.values(), pa.null())}
    return table.cast(pa.schema([(name, types[text]) for name, text in columns.items()]))
