"""Features of a partition, kept in the store: the next run builds them for its new partitions only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq

from airloop import data, digest
from airloop.errors import FeatureError
from airloop.training.identity import versions
from airloop.training.survey import interval

if TYPE_CHECKING:
    import numpy as np

    from airloop.data.snapshot import Partition
    from airloop.features.code import FeatureCode
    from airloop.workspace import Workspace

KIND = "features"
_FILE = "features.parquet"


class FeatureCache:
    """Features by partition, under the digest of rows, code, inputs and library versions.

    All rows but the quarantined ones are built, labelled or not, so that a later run finds them whatever rows it uses.
    ``inputs`` maps the code's columns to the texts of their Arrow types.
    """

    def __init__(
        self,
        workspace: Workspace,
        code: FeatureCode,
        inputs: Mapping[str, str],
        excluded: Mapping[str, np.ndarray[Any, Any]],
    ) -> None:
        self._workspace, self._code, self._inputs, self._excluded = workspace, code, dict(inputs), excluded
        self._versions = versions("airloop", "numpy", "pandas", "pyarrow")
        self.built = 0
        """Partitions whose features were not in the store."""

    def features(
        self, partition: Partition, positions: pd.Index[int], rows: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Return the features of the rows at ``positions``, which become the index.

        ``rows`` spares a read where they are at hand. Raises FeatureError naming the partition when the code fails.
        """
        if self._code.build_function is None:
            return self._code.build(rows if rows is not None else self._rows(partition).loc[positions])
        key = self._key(partition)
        store = self._workspace.store
        if not store.has(KIND, key):
            self._build(partition, key)
        # Also what was just built is read back: a first and a later run see the very same values.
        table = pq.ParquetFile(store.folder(KIND, key) / _FILE).read(use_threads=False)
        found: pd.DataFrame = table.to_pandas().loc[positions]
        return found

    def _key(self, partition: Partition) -> str:
        left_out = [int(position) for position in self._excluded.get(partition.digest, ())]
        return digest.of_value(
            [partition.digest, sorted(left_out), self._code.digest, list(self._inputs.items()), self._versions]
        )

    def _build(self, partition: Partition, key: str) -> None:
        rows = self._rows(partition)
        rows = rows.drop(index=list(self._excluded.get(partition.digest, ())))
        try:
            features = self._code.build(rows)
            with self._workspace.store.writing(KIND, key) as folder:
                features.to_parquet(folder / _FILE, index=True)
        except FeatureError as error:
            raise FeatureError(f"{interval(partition)}: {error}") from error
        except (TypeError, ValueError) as error:  # Arrow's way to say that a column mixes types.
            raise FeatureError(f"{interval(partition)}: features cannot be kept as Parquet: {error}") from error
        self.built += 1

    def _rows(self, partition: Partition) -> pd.DataFrame:
        return data.read_partition(self._workspace, partition, self._inputs)
