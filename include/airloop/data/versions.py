"""One row per key: exact duplicates collapse, of recorded versions the newest stays, anything else is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from airloop.data.raw import Raw
from airloop.errors import DataError

if TYPE_CHECKING:
    from airloop.spec.model import Data


def newest(table: pa.Table, raw: Raw, data: Data) -> pa.Table:
    """Return ``table`` with one row per ``data.key``; without a key it stays as it is.

    Row i of ``table`` is row i of ``raw``. Raises DataError naming key, values and files where rows with one key differ
    and ``data.recorded_at`` does not say which is later.
    """
    key = list(data.key)
    if not key or table.group_by(key).aggregate([]).num_rows == table.num_rows:
        return table
    rows = table.to_pandas(integer_object_nulls=True)
    rows = rows[~rows.duplicated()]
    if data.recorded_at is not None:
        latest = rows.groupby(key, dropna=False)[data.recorded_at].transform("max")
        rows = rows[rows[data.recorded_at] == latest]
    clashing = rows[rows.duplicated(key, keep=False)]
    if len(clashing):
        named = ", ".join(f"{name}={clashing.iloc[0][name]!s}" for name in key)
        same = clashing[(clashing[key] == clashing.iloc[0][key]).all(axis=1) | (clashing.index == clashing.index[0])]
        places = " and ".join(raw.where(int(row)) for row in same.index[:2])
        hint = "two versions were recorded at once" if data.recorded_at else "data.recorded_at would say which is later"
        raise DataError(f"{places}: different rows with one key ({named}); {hint}")
    return table.take(pa.array(rows.index.to_numpy()))
