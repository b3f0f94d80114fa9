"""What is known about a model's performance in a window: ``performance.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airloop.errors import DataError
from airloop.refs import Level

if TYPE_CHECKING:
    from airloop.refs import PerformanceRef
    from airloop.workspace import Workspace

KIND = "performances"
FILE = "performance.json"


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric on ``rows`` labelled rows; what cannot be computed is None, and ``problem`` says why."""

    rows: int
    value: float | None = None
    standard_error: float | None = None
    degrees: float | None = None
    """Of freedom of the standard error."""
    low: float | None = None
    high: float | None = None
    """Bounds of the two-sided 95 % interval."""
    unit: str = "row"
    """What is taken as independent: day, hour or row."""
    problem: str = ""


class Estimated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric that is expected from the predictions alone, as long as they promise what happens."""

    rows: int
    value: float
    low: float
    high: float
    """Between these the realised metric should lie in 95 % of windows, if the calibration still holds."""


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of ``monitor.performance``: how much worse than on the holdout, above 0 is worse."""

    metric: str
    warn: float
    act: float
    level: Level
    reason: str
    value: float | None = None
    """Of the window."""
    baseline: float | None = None
    """Of the holdout."""
    loss: float | None = None
    lower: float | None = None
    """One-sided 95 % bound of the loss; noise of window and of holdout together."""
    missing_rows: int = 0
    """Labelled rows that a decision still needs."""


class Slice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric among the rows with one value of a column."""

    metric: str
    column: str
    name: str
    measured: Measured


class Performance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is said about a window."""

    pipeline: str
    window: str
    version: str
    level: Level
    reasons: tuple[str, ...]
    predictions: int
    """Rows that the window's version answered."""
    labelled: int
    known_until: str
    metrics: dict[str, Measured] = {}
    baseline: dict[str, tuple[float, float | None]] = {}
    """Metric → value and standard error on the holdout."""
    losses: tuple[Loss, ...] = ()
    slices: tuple[Slice, ...] = ()
    estimated: dict[str, Estimated] = {}
    not_estimated: str = ""
    """Why nothing is estimated; empty where it is."""
    missing_rows: int = 0
    format: int = 1


def load_performance(workspace: Workspace, ref: PerformanceRef | str) -> Performance:
    """Return what ``score`` wrote, by its ref or digest. Raises DataError when it is absent or cannot be read."""
    name = ref if isinstance(ref, str) else ref.digest
    try:
        folder = workspace.store.folder(KIND, name)
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Performance)
    except FileNotFoundError:
        raise DataError(f"performance {name[:12]} is not in the store; run score_performance again") from None
    except msgspec.DecodeError as error:
        raise DataError(f"performance {name[:12]}: {FILE} cannot be read: {error}") from error
