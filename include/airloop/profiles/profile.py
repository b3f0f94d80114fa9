"""Profiles: the columns of a partition, a window or a training, in a few kilobytes, merged in milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from airloop.errors import DataError, nearest
from airloop.profiles.column import Column, Kind, merge_columns, profile_column

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FORMAT = 1
"""Of the sketches and their bytes: what was kept in an older one is made again."""
_MAGIC = b"airloop profile %d\n" % FORMAT


class Profile(msgspec.Struct, frozen=True):
    """What ``rows`` rows look like, column by column."""

    rows: int
    columns: dict[str, Column]

    @classmethod
    def of(cls, frame: pd.DataFrame | Mapping[str, np.ndarray[Any, Any]], kinds: Mapping[str, Kind]) -> Profile:
        """Return the profile of the columns that ``kinds`` names; arrays have shape (rows,).

        Raises DataError for a column that is absent or not of its kind.
        """
        absent = [name for name in kinds if name not in frame]
        if absent:
            raise DataError(f"column {absent[0]!r} is not among the rows'.{nearest(absent[0], map(str, frame))}")
        columns = {name: profile_column(name, frame[name], kind) for name, kind in kinds.items()}
        return cls(max((column.rows for column in columns.values()), default=0), columns)

    def to_bytes(self) -> bytes:
        """Return the profile as bytes: the same profile always gives the same ones."""
        return _MAGIC + msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Profile:
        """Return what ``to_bytes`` wrote. Raises DataError for anything else."""
        if not data.startswith(_MAGIC):
            raise DataError(f"not a profile of format {FORMAT}: the bytes begin with {data[:20]!r}")
        try:
            return msgspec.msgpack.decode(data[len(_MAGIC) :], type=cls)
        except msgspec.DecodeError as error:
            raise DataError(f"a profile cannot be read: {error}") from error


def merge(profiles: Iterable[Profile]) -> Profile:
    """Return the profile of all rows together. The order does not matter.

    Raises ValueError without a profile, and for columns or kinds that differ.
    """
    every = list(profiles)
    if not every:
        raise ValueError("nothing to merge: no profile was given")
    names = list(every[0].columns)
    for other in every[1:]:
        if set(other.columns) != set(names):
            raise ValueError(f"columns differ: {', '.join(sorted(set(names) ^ set(other.columns)))}")
    columns = {name: merge_columns(profile.columns[name] for profile in every) for name in names}
    return Profile(sum(profile.rows for profile in every), columns)
