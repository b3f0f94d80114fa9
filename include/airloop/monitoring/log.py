"""The prediction log: what was asked and answered in a window, each row once.

- Instant: of a row it is the event's (``data.event_time``) where that column is an input, so that a replayed 2013 is
  watched as 2013; where it is no input, private, or empty in that row, it is when the row was answered.
- Repeated rows: of rows with one ``data.key`` the first answered counts, whichever version answered. Where a key column
  is no input, or empty in that row, rows are told apart by request id and row number: a client that retries under its
  id counts once, across a window's start too (an hour back).
- Clocks that are wrong: an event more than a day later than its answer is from a client whose clock runs ahead, and in
  no window; a reason says how many there were. Events long before their answers are welcome: they are a replayed past.
- Versions with other inputs: a column that some versions lack is missing in their rows, whole numbers widen to numbers,
  and where one column has kinds that do not go together that of most rows stays; the other rows' values are missing.
- A file that cannot be read is a DataError that names it: a window with a part missing would look like a quiet one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airloop.serving.compact import OWN

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from airloop.monitoring.window import Window
    from airloop.spec import Pipeline
    from airloop.spec.model import Spec
    from airloop.workspace import Workspace

AHEAD = timedelta(days=1)
"""An event so much later than its answer is from a wrong clock."""
LOOK_BACK = timedelta(hours=1)
"""How long before a window the first try of a repeated request is looked for."""


@dataclass(frozen=True)
class Counted:
    """How many rows of a window there are, repeated ones included, by footers of files and an index of past days."""

    rows: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    """Version → rows that it answered, most first."""
    bundles: dict[str, str] = field(default_factory=dict)
    """Version → digest of its bundle."""
    newest: datetime | None = None
    """Instant of the newest row."""

    @property
    def version(self) -> str:
        """The version that answered most rows; "" without rows."""
        return next(iter(self.versions), "")


@dataclass(frozen=True)
class Logged:
    """A window's rows, each once."""

    table: pa.Table
    """Sorted by instant, key and request; columns are the log's own, the inputs by name, then the output's."""
    repeated: int
    """Rows that were left out because they repeat another."""
    ahead: int
    """Rows that were left out because their client's clock is wrong."""
    notes: tuple[str, ...] = ()
    """What is odd about the columns."""


def count(workspace: Workspace, pipeline: Pipeline, window: Window) -> Counted:
    """Return how many predictions the window has. Raises DataError naming a broken file, and Unreachable."""
    from airloop.monitoring import log_rows

    return log_rows.count(workspace, pipeline, window)


def read(workspace: Workspace, pipeline: Pipeline, window: Window, columns: tuple[str, ...] | None = None) -> Logged:
    """Return the window's rows; ``columns`` names those wanted beside the log's own, None wants all.

    Raises DataError naming a broken file, and Unreachable.
    """
    from airloop.monitoring import log_rows

    return log_rows.read(workspace, pipeline, window, columns)


def majority(table: pa.Table) -> tuple[str, str]:
    """Return version and bundle that answered most of the rows; of two as busy the first by name; "" without rows."""
    found = table.group_by(["version", "bundle"]).aggregate([([], "count_all")]).to_pylist()
    busiest = min(found, key=lambda one: (-one["count_all"], one["version"], one["bundle"]), default=None)
    return (busiest["version"], busiest["bundle"]) if busiest else ("", "")


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Return rows of the log with the types of ``data.read_partition``."""
    frame: pd.DataFrame = table.to_pandas()
    nullable = [name for name in table.column_names if str(table[name].type) == "bool" and table[name].null_count]
    return frame.astype(dict.fromkeys(nullable, "boolean")) if nullable else frame


def instant_column(spec: Spec) -> str:
    """Return the log's column with a row's instant: the event's where it is logged, else when it was answered."""
    event = spec.data.event_time
    return column(spec, event) if event is not None and is_logged(spec, event) else "answered_at"


def key_columns(spec: Spec) -> tuple[str, ...]:
    """Return the log's columns with the whole ``data.key``; () where there is none, or a part of it is not logged."""
    key = spec.data.key
    return tuple(column(spec, name) for name in key) if key and not unlogged_key(spec) else ()


def unlogged_key(spec: Spec) -> tuple[str, ...]:
    """Return the key's columns that are not in the log."""
    return tuple(name for name in spec.data.key if not is_logged(spec, name))


def is_logged(spec: Spec, name: str) -> bool:
    """Return whether a column of the data is an input, and not private."""
    data = spec.data
    if name in data.private:
        return False
    if spec.features is not None and spec.features.inputs:
        return name in spec.features.inputs
    never = {data.label.column, data.label.known_at, data.recorded_at}
    return name not in (never if spec.features is not None else never | {data.event_time, *data.key})


def column(spec: Spec, name: str) -> str:
    """Return the log's column of an input; see ``airloop.serving.compact.input_column``."""
    output = "prediction" if spec.model.task == "regression" else "probability"
    return f"input_{name}" if name in (*OWN, output) else name
