"""The latest windows as plain values, for the time line of a window's page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airloop.ledger import Ledger
    from airloop.refs import WindowRef

MOST = 26
"""Windows of a time line: half a year of weeks."""


@dataclass(frozen=True)
class Moment:
    """What was said about one window; texts are "" where nothing was said."""

    start: str
    end: str
    """ISO 8601."""
    version: str = ""
    drift: str = ""
    performance: str = ""
    action: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    estimated: Mapping[str, float] = field(default_factory=dict)


def moments(ledger: Ledger, pipeline: str, window: WindowRef, most: int = MOST) -> list[Moment]:
    """Return the latest windows that end before ``window`` does, the oldest first; of windows that overlap all."""
    from airloop.monitoring.window import Window

    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for kind in ("drift", "performance", "decision"):
        # Each look may have left an entry: of several on one window the last one counts.
        for entry in sorted(ledger.latest(pipeline, kind, until=window.as_of, limit=8 * most), key=lambda e: e.id):
            found.setdefault(entry.subject, {})[kind] = entry.payload
    own = Window(window.start, window.end).name
    earlier = [(name, said) for name, said in found.items() if _end(name) < _end(own)]
    return [_moment(name, said) for name, said in sorted(earlier, key=lambda pair: (_end(pair[0]), pair[0]))[-most:]]


def _end(name: str) -> str:
    return name.partition("/")[2]


def _moment(name: str, said: Mapping[str, Mapping[str, Any]]) -> Moment:
    start, _, end = name.partition("/")
    drift, performance = said.get("drift", {}), said.get("performance", {})
    return Moment(
        start=start,
        end=end,
        version=str(drift.get("version") or performance.get("version") or ""),
        drift=str(drift.get("level", "")),
        performance=str(performance.get("level", "")),
        action=str(said.get("decision", {}).get("action", "")),
        metrics=_numbers(performance.get("metrics", {})),
        estimated=_numbers(performance.get("estimated", {})),
    )


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
