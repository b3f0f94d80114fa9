"""What checking found: per expectation and partition, and merged for a snapshot."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import numpy as np


class Finding(BaseModel):
    """How one expectation did on one partition. Of private columns it holds counts and positions, never a value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    met: bool
    rows: int
    """Rows of the partition."""
    missing: int | None = None
    """Rows without a value, which were not judged; None where that is not counted."""
    broken: int | None = None
    """Rows that break the expectation; None where it names no rows."""
    positions: tuple[int, ...] = ()
    """Their positions, kept where they are quarantined."""
    examples: tuple[tuple[Any, int], ...] = ()
    """Commonest values that break it, each with its count."""
    observed: Any = None
    """What was measured, for an expectation that names no rows."""
    error: str = ""
    """Why it could not be checked."""


class Validation(BaseModel):
    """All findings on a snapshot's partitions, merged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expectations: int
    """How many there are; 0 means that nothing was checked."""
    partitions: dict[str, str]
    """Partition digest → name of its findings in the store, kind ``validations``."""
    excluded: dict[str, tuple[int, ...]] = {}
    """Partition digest → positions of the quarantined rows, sorted; partitions without any are left out."""
    warnings: tuple[str, ...] = ()
    """What a person should read although the run goes on."""
    failed: dict[int, str] = {}
    """Number → text of each expectation that blocks the run."""
    docs: str = Field(default="", exclude=True)
    """Where the Data Docs' first page lies: depends on the store's place, so it is no part of the outcome itself."""

    @property
    def failures(self) -> tuple[str, ...]:
        """Why the run is blocked; empty when it may go on."""
        return tuple(self.failed.values())

    @property
    def quarantined(self) -> int:
        """Number of rows set aside."""
        return sum(len(positions) for positions in self.excluded.values())

    def excluded_positions(self) -> dict[str, np.ndarray]:
        """Return partition digest → positions (int64, shape (n,), sorted) of the quarantined rows."""
        import numpy as np

        return {name: np.asarray(positions, dtype=np.int64) for name, positions in self.excluded.items()}


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: instants as ISO 8601, missing ones as None, infinities as texts."""
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, bytes):
        return repr(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value if math.isfinite(value) else str(value)
    if isinstance(value, dt.date):
        return None if str(value) == "NaT" else value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    return None if str(value) in ("NaT", "<NA>") else str(value)
