"""A frozen window, read back: its rows, what they look like, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from airloop.errors import DataError
from airloop.monitoring import log
from airloop.monitoring.window import Window
from airloop.profiles import Profile

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from airloop.refs import WindowRef
    from airloop.workspace import Workspace

KIND = "windows"
ROWS, PROFILE, PREDICTION, FACTS = "rows.parquet", "inputs.profile", "prediction.profile", "window.json"


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``window.json`` says. Repeats are as they were found first: a later run may find more."""

    pipeline: str
    window: str
    """Name of the window."""
    rows: int
    version: str
    """The version that answered most rows; "" without rows."""
    bundle: str
    versions: dict[str, int]
    """Version → rows that it answered."""
    repeated: int = 0
    """Rows of the log that repeat another and were left out."""
    ahead: int = 0
    """Rows of clients whose clocks run ahead, left out."""
    left_out: dict[str, str] = {}
    """Column of the reference that has no profile here → why."""
    reasons: tuple[str, ...] = ()
    """What is odd about the rows."""
    format: int = 1


@dataclass(frozen=True)
class FrozenWindow:
    """A window's predictions, each row once."""

    folder: Path
    facts: Facts

    @cached_property
    def table(self) -> pa.Table:
        """All rows as Arrow table: the log's own columns, the inputs, the output; sorted by instant and key."""
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.folder / ROWS).read(use_threads=False)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """All rows, the types as in ``data.read_partition``."""
        return log.as_frame(self.table)

    @cached_property
    def answered(self) -> pa.Table:
        """The rows that the window's version answered."""
        import pyarrow.compute as pc

        return self.table.filter(pc.equal(self.table["bundle"], self.facts.bundle))

    @cached_property
    def profile(self) -> Profile:
        """Features and inputs of all rows, those in ``facts.left_out`` not, under the names of the reference."""
        return Profile.from_bytes((self.folder / PROFILE).read_bytes())

    @cached_property
    def prediction(self) -> Profile:
        """The predictions of the window's version, under the names of ``Reference.prediction``."""
        return Profile.from_bytes((self.folder / PREDICTION).read_bytes())


def open_window(workspace: Workspace, ref: WindowRef) -> FrozenWindow:
    """Return a frozen window. Raises DataError when it is not in the store, or cannot be read."""
    try:
        folder = workspace.store.folder(KIND, ref.digest)
        return FrozenWindow(folder, msgspec.json.decode((folder / FACTS).read_bytes(), type=Facts))
    except FileNotFoundError:
        named = Window(ref.start, ref.end).name
        raise DataError(f"window {named} ({ref.digest[:12]}) is not in the store; run profile_window again") from None
    except msgspec.DecodeError as error:
        raise DataError(f"window {ref.digest[:12]}: {FACTS} cannot be read: {error}") from error
