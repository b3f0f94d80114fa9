"""What is kept of a drift verdict: ``drift.json``, from which pages and metrics are made."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from airloop.monitoring.drifting import ColumnDrift, Rules, WindowDrift
from airloop.refs import Level


class ColumnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One column; distances are by the rules' method, arrays have one entry a bin."""

    name: str
    level: Level
    importance: float
    is_prediction: bool
    kind: str
    rows: int
    what: str
    """Which of its facets speaks: ``values``, ``missing`` or ``unseen``."""
    distance: float
    effect: float
    """The distance less what sampling alone adds."""
    noise: float
    """What sampling alone gives."""
    chance: float
    noise_chance: float
    natural_chance: float | None
    times_typical: float | None
    needed_rows: int | None
    """From which a drift of ``act`` is told from noise; None: the reference is too small."""
    nulls: tuple[float, float]
    """Shares in reference and window; so for the following pairs."""
    stretches: list[float]
    """Distances of the reference's own stretches that are as long as the window."""
    labels: list[str]
    shares: tuple[list[float], list[float]]
    mean: tuple[float | None, float | None] | None = None
    new: dict[str, float] = {}
    vanished: dict[str, float] = {}


class RulesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of the verdict."""

    method: str
    warn: float
    act: float
    share: float
    min_rows: int
    level: float
    """Chance of a false alarm in one window."""


class DriftRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a window."""

    window: str
    """Digest of the frozen window."""
    level: Level
    reasons: tuple[str, ...]
    missing_rows: int | None
    rows: int
    rules: RulesRecord
    natural: str
    """``known``, ``unknown``, or ``none`` for rows without time."""
    stretches: int
    """From which natural variation is known."""
    column_level: float
    """The chance within which a column is taken to have moved."""
    columns: tuple[ColumnRecord, ...]

    def column(self, name: str) -> ColumnRecord | None:
        """Return the column of this name, None where it was not compared."""
        return next((one for one in self.columns if one.name == name), None)


def rules_record(rules: Rules) -> RulesRecord:
    """Return ``rules`` as they are kept."""
    return RulesRecord(**{name: getattr(rules, name) for name in RulesRecord.__struct_fields__})


def column_records(window: WindowDrift) -> tuple[ColumnRecord, ...]:
    """Return the columns of a verdict as they are kept, in its order."""
    return tuple(_record(one) for one in window.columns)


def encode(record: DriftRecord) -> bytes:
    """Return ``record`` as indented JSON; the same record always gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(record, order="deterministic"), indent=1)


def decode(data: bytes) -> DriftRecord:
    """Return what ``encode`` wrote. Raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(data, type=DriftRecord)


def _record(one: ColumnDrift) -> ColumnRecord:
    column, weighed, facts = one.column, one.weighed, one.column.facts
    bins: dict[str, Any] = facts["bins"]
    return ColumnRecord(
        name=column.name,
        level=one.level,
        importance=column.importance,
        is_prediction=column.is_prediction,
        kind=facts["kind"],
        rows=column.rows,
        what=weighed.what,
        distance=weighed.distance,
        effect=weighed.effect,
        noise=weighed.noise,
        chance=weighed.chance,
        noise_chance=weighed.noise_chance,
        natural_chance=weighed.natural_chance,
        times_typical=weighed.times_typical,
        needed_rows=None if math.isinf(one.needed_rows) else math.ceil(one.needed_rows),
        nulls=tuple(facts["nulls"]),
        stretches=facts["stretches"],
        labels=bins["labels"],
        shares=tuple(bins["shares"]),
        mean=tuple(facts["mean"]) if "mean" in facts else None,
        new=facts.get("new", {}),
        vanished=facts.get("vanished", {}),
    )
