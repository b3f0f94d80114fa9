"""What the ledger says about windows: the answers of ``python -m airloop history`` and ``explain``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airloop import clock
from airloop.errors import UnknownName
from airloop.ledger import Entry, Ledger
from airloop.monitoring.past import FAR_BACK, last_by_subject, window_of
from airloop.monitoring.telling import told_window
from airloop.monitoring.window import Window
from airloop.refs import Level


@dataclass(frozen=True)
class Record:
    """Everything recorded about one window; None for what was not."""

    window: Window
    drift: Entry | None
    performance: Entry | None
    decision: Entry | None
    claim: Entry | None
    """Which run answers a decision to retrain."""

    @property
    def levels(self) -> tuple[Level, Level]:
        """Of drift and of performance: those that the decision was made on, else the last found."""
        facts = self.decision.payload.get("facts", {}) if self.decision else {}
        drift = facts.get("drift") or _said(self.drift, "level")
        performance = facts.get("performance") or _said(self.performance, "level")
        return Level(drift or Level.INCONCLUSIVE), Level(performance or Level.INCONCLUSIVE)

    @property
    def rows(self) -> int:
        """Predictions, each counted once."""
        return int(_said(self.drift, "rows") or _said(self.performance, "rows") or 0)

    @property
    def version(self) -> str:
        """The version that answered most; "" without rows."""
        return str(_said(self.drift, "version") or _said(self.performance, "version") or "")

    def plain(self) -> dict[str, Any]:
        """Return it as JSON-like values."""
        entries = {name: getattr(self, name) for name in ("drift", "performance", "decision", "claim")}
        return {
            "window": self.window.name,
            "rows": self.rows,
            "version": self.version,
            **{name: dict(entry.payload) if entry else None for name, entry in entries.items()},
        }


def records(ledger: Ledger, pipeline: str, limit: int = FAR_BACK) -> list[Record]:
    """Return what is known of the ``limit`` latest windows, the latest first."""
    kinds = ("drift", "performance", "decision", "retraining")
    found = {kind: last_by_subject(ledger.latest(pipeline, kind, limit=max(4 * limit, 100))) for kind in kinds}
    names = sorted({name for entries in found.values() for name in entries}, key=window_of, reverse=True)
    return [Record(window_of(name), *(found[kind].get(name) for kind in kinds)) for name in names[:limit]]


def record_of(ledger: Ledger, pipeline: str, name: str) -> Record | None:
    """Return the window that ``name`` means: by its name, both its ends, or an instant within (then the latest such).

    None for what is no instant. Raises UnknownName, naming the nearest window, for one that was not watched.
    """
    ends = [_instant(part) for part in name.split("/")]
    if None in ends or len(ends) > 2:
        return None
    start = ends[0]
    known = records(ledger, pipeline)
    if not known or start is None:
        raise UnknownName(f"{pipeline}: no window was watched yet; `python -m airloop monitor {pipeline}` does")
    if len(ends) == 2:
        found = [one for one in known if [one.window.start, one.window.end] == ends]
    else:
        found = [one for one in known if one.window.start == start] or [
            one for one in known if one.window.start <= start < one.window.end
        ]
    if not found:
        closest = told_window(min(known, key=lambda one: abs(one.window.start - start)).window)
        raise UnknownName(f"{pipeline}: the window {_as_told(name)} was not watched; the nearest that was: {closest}")
    return found[0]


def _as_told(name: str) -> str:
    """Return a window that somebody named by instants, as people read them."""
    return " to ".join(clock.told(clock.parse(part)) for part in name.split("/"))


def _instant(text: str) -> datetime | None:
    try:
        return clock.parse(text)
    except ValueError:
        return None


def _said(entry: Entry | None, key: str) -> Any:
    return entry.payload.get(key) if entry else None
