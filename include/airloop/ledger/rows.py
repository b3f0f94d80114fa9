"""What the ledger gives back: plain frozen values, all instants in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from airloop import clock

Kind = Literal["release", "roll_back"]


@dataclass(frozen=True)
class Champion:
    """A version that went live: generation ``1, 2, …`` of a pipeline on a target; the highest one is live."""

    pipeline: str
    target: str
    generation: int
    bundle: str
    """Digest of the bundle."""
    version: str
    data_cut_off: datetime
    kind: Kind
    run_id: str
    by: str
    reasons: tuple[str, ...]
    restores: int | None
    """For a roll back: the generation whose release it put back; that one is never itself a roll back."""
    recorded_at: datetime
    image: str = ""
    """What it is run from, by its digest; "" where the target serves bundles as they are."""

    @property
    def released_as(self) -> int:
        """The generation that first put this release live: its own, or the one that it restores."""
        return self.generation if self.restores is None else self.restores

    @property
    def place(self) -> str:
        """Pipeline and target, for messages."""
        return f"{self.pipeline} on {self.target}"

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Champion:
        """Return the champion in a row of the table, whatever else the row has."""
        values = {each.name: row[each.name] for each in fields(cls)}
        return cls(**values | {"reasons": tuple(row["reasons"])})

    def __str__(self) -> str:
        return f"version {self.version} (generation {self.generation}, data up to {clock.told(self.data_cut_off)})"


@dataclass(frozen=True)
class Entry:
    """Something that happened to ``subject`` (a digest): a verdict, a judged rollout, a decision."""

    id: int
    kind: str
    pipeline: str
    subject: str
    as_of: datetime | None
    run_id: str
    payload: Mapping[str, Any]
    recorded_at: datetime


@dataclass(frozen=True)
class Lease:
    """The right to change a pipeline on a target; ``token`` rises with every new holder, so an old one is noticed."""

    pipeline: str
    target: str
    run_id: str
    token: int
