"""The rules that a wish to retrain must pass; each returns why it blocks, "" where it does not. Pure, by ``as_of``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from airloop import clock
from airloop.monitoring.telling import counted, lasting, told_window
from airloop.monitoring.violations import WindowFacts
from airloop.monitoring.window import Window
from airloop.refs import Action
from airloop.spec.model import Retrain

_PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


@dataclass(frozen=True)
class Live:
    """The version in production."""

    version: str
    data_cut_off: datetime


@dataclass(frozen=True)
class Decided:
    """An earlier decision."""

    window: Window
    action: Action
    as_of: datetime


@dataclass(frozen=True)
class Candidate:
    """A version trained as of ``as_of`` and judged to its end: released, or not."""

    as_of: datetime
    was_released: bool


@dataclass(frozen=True)
class Past:
    """What came before a decision at ``as_of``."""

    retrain: Retrain
    as_of: datetime
    decided: Sequence[Decided]
    candidates: Sequence[Candidate]

    @property
    def asked(self) -> list[datetime]:
        """When retrainings were asked for, the newest first."""
        return sorted((one.as_of for one in self.decided if one.action is Action.RETRAIN), reverse=True)

    @property
    def failed(self) -> int:
        """Candidates in a row not released that windows asked for; those of a schedule or a backfill do not count."""
        released = max((one.as_of for one in self.candidates if one.was_released), default=None)
        asked = {at for at in self.asked if released is None or at > released}
        return len({one.as_of for one in self.candidates if not one.was_released} & asked)

    @property
    def cool_down(self) -> timedelta:
        """The shortest time between two retrainings as things are: doubled by each failed candidate, up to a limit."""
        factor: int = min(2**self.failed, self.retrain.back_off)
        return self.retrain.cool_down * factor


def source(newest: WindowFacts) -> str:
    """Block where the source is broken or stale."""
    if newest.source == "broken":
        return "retraining would not help: the source is broken, what lands cannot be read"
    if newest.source == "stale":
        return "retraining would not help: the source is stale, nothing new lands"
    return ""


def late(newest: WindowFacts, past: Past) -> str:
    """Block a run for an older window than one that is decided."""
    newer = max((one.window for one in past.decided if one.window.end > newest.window.end), default=None)
    if newer is None:
        return ""
    return (
        f"the window {told_window(newer)} is decided already, and a run for an older window never asks for a retraining"
    )


def nothing_new(live: Live, past: Past) -> str:
    """Block where the live version has seen all that a retraining would."""
    if past.as_of > live.data_cut_off:
        return ""
    seen = f"version {live.version} has learned from data up to {clock.told(live.data_cut_off)}"
    return f"retraining would not help: {seen}, and a retraining would see nothing after {clock.told(past.as_of)}"


def labels(live: Live, past: Past, *, new: int, joined: int) -> str:
    """Block with too few ``new`` labels since the live version's data; ``joined`` are those of the latest windows."""
    since = f"the data of version {live.version}, {clock.told(live.data_cut_off)}"
    if not new and not joined:
        return f"retraining would not help: labels are missing, none came for the latest windows and none since {since}"
    missing = past.retrain.min_labels - new
    if missing <= 0:
        return ""
    has = "have" if new != 1 else "has"
    needed = f"{past.retrain.min_labels:,} are needed, {missing:,} more"
    return f"{counted(new, 'label')} {has} become known since {since}: {needed}"


def cool_down(past: Past) -> str:
    """Block until the cool-down since the last retraining has passed."""
    if not past.asked or past.as_of - past.asked[0] >= past.cool_down:
        return ""
    failed = counted(past.failed, "candidate")
    why = f" ({failed} in a row not released)" if past.failed else ""
    until = f"the last retraining was asked for at {clock.told(past.asked[0])}, the next may be at"
    return f"cool-down of {lasting(past.cool_down)}{why}: {until} {clock.told(past.asked[0] + past.cool_down)}"


def budget(past: Past) -> str:
    """Block when the budget's period has seen as many retrainings as it may."""
    most, _, period = past.retrain.at_most.partition(" per ")
    used = [at for at in past.asked if at > past.as_of - _PERIODS[period]]
    if len(used) < int(most):
        return ""
    return (
        f"the budget of {past.retrain.at_most} is used up: retrainings at {', '.join(map(clock.told, reversed(used)))}"
    )
