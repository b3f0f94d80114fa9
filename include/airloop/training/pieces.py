"""Profiles of partitions, kept in the store; one that a stretch begins or ends in is cut there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop import clock, data, digest
from airloop.data.windows import Interval
from airloop.errors import DataError
from airloop.profiles import Kind, Profile
from airloop.profiles.profile import FORMAT
from airloop.training.cache import FeatureCache
from airloop.training.identity import versions
from airloop.training.survey import interval

if TYPE_CHECKING:
    import pandas as pd

    from airloop.data.snapshot import Partition, Snapshot
    from airloop.features.code import FeatureCode
    from airloop.spec import Spec
    from airloop.workspace import Workspace

KIND = "profiles"
_FILE = "columns.profile"


@dataclass(frozen=True)
class Piece:
    """A partition's rows with event times in ``within``; all of them where that is all time."""

    partition: Partition
    within: Interval


def pieces_of(snapshot: Snapshot, stretches: Sequence[Interval]) -> list[Piece]:
    """Return the partitions, oldest first, cut at the snapshot's and the stretches' bounds."""
    start = snapshot.train_start
    if start is None:
        return [Piece(partition, Interval()) for partition in snapshot.partitions]
    bounds = {start, snapshot.as_of} | {edge for part in stretches for edge in (part.start, part.end) if edge}
    pieces = []
    for partition in snapshot.partitions:
        first, last = partition.start, partition.end
        if first is None or last is None:
            continue
        edges = [first, *sorted(bound for bound in bounds if first < bound < last), last]
        for low, high in pairwise(edges):
            if start <= low and high <= snapshot.as_of:
                pieces.append(Piece(partition, Interval(low, high)))
    return pieces


class PieceProfiles:
    """Profiles by piece, under the digest of rows, code, kinds and library versions. Quarantined rows are left out."""

    def __init__(
        self,
        workspace: Workspace,
        spec: Spec,
        code: FeatureCode,
        inputs: Mapping[str, str],
        kinds: Mapping[str, Kind],
        excluded: Mapping[str, np.ndarray[Any, Any]],
    ) -> None:
        self._workspace, self._event_time, self._code = workspace, spec.data.event_time, code
        self._inputs, self._kinds, self._excluded = dict(inputs), dict(kinds), excluded
        self._cache = FeatureCache(workspace, code, inputs, excluded)
        self._versions = versions("airloop", "numpy", "pandas", "pyarrow", "datasketches")
        self.made = 0
        """Pieces whose profiles were not in the store."""

    def of(self, piece: Piece) -> Profile:
        """Return the profile of a piece's rows: features, and inputs that are none.

        Raises FeatureError, and DataError for a column that is of another kind than in training.
        """
        key, store = self._key(piece), self._workspace.store
        if not store.has(KIND, key):
            try:
                profile = Profile.of(self._frame(piece), self._kinds)
            except DataError as error:
                raise DataError(f"{interval(piece.partition)}: {error}") from error
            with store.writing(KIND, key) as folder:
                (folder / _FILE).write_bytes(profile.to_bytes())
            self.made += 1
        return Profile.from_bytes((store.folder(KIND, key) / _FILE).read_bytes())

    def _key(self, piece: Piece) -> str:
        partition, within = piece.partition, piece.within
        is_whole = partition.interval == within
        cut = [] if is_whole or not within.start or not within.end else [clock.iso(within.start), clock.iso(within.end)]
        left_out = sorted(int(position) for position in self._excluded.get(partition.digest, ()))
        columns = [list(self._inputs.items()), list(self._kinds.items()), self._event_time]
        return digest.of_value(
            ["profile", FORMAT, partition.digest, cut, left_out, self._code.digest, columns, self._versions]
        )

    def _frame(self, piece: Piece) -> pd.DataFrame:
        time = self._event_time
        columns = (
            self._inputs if time is None or time in self._inputs else self._inputs | {time: "timestamp[us, tz=UTC]"}
        )
        rows = data.read_partition(self._workspace, piece.partition, columns)
        rows = rows.drop(index=list(self._excluded.get(piece.partition.digest, ())))
        if time is not None and piece.within.start is not None:
            rows = rows[(rows[time] >= piece.within.start) & (rows[time] < piece.within.end)]
        features = self._cache.features(piece.partition, rows.index, rows)
        others = [name for name in self._kinds if name not in features.columns]
        return features.join(rows[others])
