"""The digest of a table's content: of names, types and values, not of the bytes that a file format makes of them."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def of_table(table: pa.Table) -> str:
    """Return the SHA-256 (hex) of a canonical table: a newer Arrow or Parquet writer changes nothing.

    Columns may have the types of ``airloop.features.arrow.ARROW`` or null.
    """
    found = hashlib.sha256(str(table.num_rows).encode())
    for name in table.column_names:
        array = pa.concat_arrays(table[name].chunks) if table[name].num_chunks else pa.array([], table[name].type)
        found.update(f"\0{name}\0{array.type}\0".encode())
        found.update(np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).tobytes())
        for part in _values(array):
            found.update(part)
    return found.hexdigest()


def _values(array: pa.Array) -> list[bytes]:
    if pa.types.is_null(array.type):
        return []
    if pa.types.is_string(array.type):
        texts = array.fill_null("")
        lengths = pc.binary_length(texts).to_numpy().astype("<i4")
        return [lengths.tobytes(), "".join(texts.to_pylist()).encode()]
    if pa.types.is_boolean(array.type):
        return [np.packbits(array.fill_null(False).to_numpy(zero_copy_only=False)).tobytes()]
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    order = "<f8" if pa.types.is_floating(array.type) else "<i8"
    return [array.fill_null(0).to_numpy(zero_copy_only=False).astype(order).tobytes()]
