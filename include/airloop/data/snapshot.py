"""Snapshots: which partitions a run at ``as_of`` may see, and which of their rows are for what."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from airloop.data.windows import Interval


class Partition(BaseModel):
    """One interval's rows ``[start, end)``, immutable under the digest of their content (UTC)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    start: datetime | None
    end: datetime | None
    rows: int
    labelled: int

    @property
    def interval(self) -> Interval:
        """The interval, all time where rows have none."""
        return Interval(self.start, self.end)


class Snapshot(BaseModel):
    """The partitions visible at ``as_of``, oldest first.

    Training rows have event times in ``[train_start, holdout_start)``, holdout rows in ``[holdout_start, as_of)``.
    All three are None where rows have no time: then a seeded split by row decides (see ``airloop.data.rows``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline: str
    as_of: datetime
    train_start: datetime | None
    holdout_start: datetime | None
    partitions: tuple[Partition, ...]
    columns: dict[str, str]
    """Column → Arrow type, the same in all partitions."""
    missing: tuple[datetime, ...] = ()
