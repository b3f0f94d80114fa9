"""What is known of a pipeline, as plain values that metrics are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from airloop.ledger import Champion, Entry
from airloop.spec.model import Event

COUNTED: Mapping[str, tuple[str, ...]] = {
    "released": ("RELEASED",),
    "rolled_back": ("ROLLED_BACK",),
    "refused": ("REFUSED",),
    "verdict": ("PROMOTE", "HOLD", "REJECT"),
    "decision": ("RETRAIN", "WAIT"),
    "alert": get_args(Event),
}
"""Kinds of entries that are counted, each with what its entries may say."""


@dataclass(frozen=True)
class Rules:
    """Limits from a pipeline's description, against which metrics are held; None where it sets none."""

    target: str
    owner: str
    window_s: float
    drift: Mapping[str, float]
    """``warn`` and ``act`` → distance."""
    fresh_within_s: float | None = None
    latency_s: float | None = None


@dataclass(frozen=True)
class Column:
    """One column of the last window whose drift was scored."""

    name: str
    side: str
    """``input`` or ``prediction``."""
    distance: float
    importance: float


@dataclass(frozen=True)
class Pipeline:
    """One pipeline: what its description asks for and what the ledger knows of it."""

    name: str
    rules: Rules | None
    """None where the description cannot be read, or is gone."""
    champions: tuple[tuple[Champion, datetime], ...] = ()
    """What is live on each target, with the instant at which that release first went live."""
    last: Mapping[str, Entry] = field(default_factory=dict)
    """Kind → the entry with the newest ``as_of``."""
    is_unanswered: bool = False
    """Whether no run answers the newest decision to retrain."""
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Facts:
    """One look at everything."""

    pipelines: tuple[Pipeline, ...]
    counts: Mapping[tuple[str, str, str], int]
    """(Pipeline, kind, what it said) → number of entries ever recorded."""
    is_up: Mapping[str, bool]
    """``ledger``, ``pipelines``, ``store`` → whether it answered."""
    seconds: float
    """How long the look took."""
