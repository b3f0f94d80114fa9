"""Which windows count, and which of them are violated: the memory of the retrain policy, pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airloop.monitoring.window import Window
from airloop.refs import Level


@dataclass(frozen=True)
class WindowFacts:
    """What monitoring found out about one window."""

    window: Window
    drift: Level
    performance: Level = Level.INCONCLUSIVE
    rows: int = 0
    """Predictions."""
    labelled: int = 0
    """Predictions whose label had become known."""
    version: str = ""
    """The version that answered most of them; "" without rows."""
    source: str = "fresh"
    """State of the source: ``fresh``, ``stale`` or ``broken``."""

    @property
    def is_conclusive(self) -> bool:
        """Whether drift or performance, or both, could be judged."""
        return {self.drift, self.performance} != {Level.INCONCLUSIVE}

    @property
    def levels(self) -> str:
        """Both levels, for messages."""
        return f"drift {self.drift}, performance {self.performance}"

    def age(self) -> tuple[Any, ...]:
        """Return what sorts windows from old to new, the same whatever order they come in."""
        levels = (str(self.drift), str(self.performance))
        return (self.window.end, self.window.start, self.version, levels, self.labelled, self.rows, self.source)


def chain(facts: Iterable[WindowFacts], version: str) -> list[WindowFacts]:
    """Return the conclusive windows of ``version``, newest first, without those that overlap a newer one."""
    counted: list[WindowFacts] = []
    for one in sorted(facts, key=WindowFacts.age, reverse=True):
        is_apart = not counted or one.window.end <= counted[-1].window.start
        if one.is_conclusive and one.version == version and is_apart:
            counted.append(one)
    return counted


def violated(counted: Sequence[WindowFacts]) -> list[tuple[WindowFacts, tuple[str, ...]]]:
    """Return each of a ``chain`` (newest first) with what violates it, in words; nothing where it is not violated.

    A signal violates from ACT on, also while it only warns, until it is OK; INCONCLUSIVE leaves it as it was.
    """
    acting = {"drift": False, "performance": False}
    found: list[tuple[WindowFacts, tuple[str, ...]]] = []
    for one in reversed(counted):
        signals = []
        for name, level in (("drift", one.drift), ("performance", one.performance)):
            acting[name] = level is Level.ACT or (acting[name] and level is not Level.OK)
            if level is Level.ACT:
                signals.append(f"{name} ACT")
            elif level is Level.WARN and acting[name]:
                signals.append(f"{name} WARN, not OK since it acted")
        found.append((one, tuple(signals)))
    return found[::-1]


def labelled_since(facts: Iterable[WindowFacts], instant: datetime) -> int:
    """Return the labelled predictions of windows that end after ``instant``, those of overlapping ones once."""
    total, start = 0, None
    for one in sorted(facts, key=WindowFacts.age, reverse=True):
        if one.window.end > instant and (start is None or one.window.end <= start):
            total, start = total + one.labelled, one.window.start
    return total
