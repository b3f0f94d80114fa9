"""What the ledger knows of pipelines, as the values that pages show: a few statements for any number of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from airloop.ledger import Champion, Entry
from airloop.monitoring.past import window_of
from airloop.overview import asking
from airloop.overview.became import KINDS, became
from airloop.overview.gates import sided
from airloop.overview.shapes import LastDecision, LastVerdict, Mark, Number, Pause, Version
from airloop.overview.versions import version_of
from airloop.spec.metrics import worse

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airloop.spec import Spec

MARKS = 12
"""Windows whose drift is shown."""
GENERATIONS = 4
"""Of each target that are looked at: enough to tell what became of the last candidate."""
_Live = list[tuple[Champion, datetime]]


@dataclass(frozen=True)
class Measured:
    """The metric that the newest window's performance was judged by, and what it was held against."""

    metric: str
    value: float | None
    warn: float | None = None
    act: float | None = None
    """Values of the metric from which on it counts as worse; None where no rule or no reference is known."""
    version: str = ""
    """The version that answered most of the window; "" where that is not known."""


@dataclass(frozen=True)
class Known:
    """What is known of one pipeline."""

    champion: Version | None = None
    verdict: LastVerdict | None = None
    ended: str = ""
    """Why its version did not stay live, where that is recorded."""
    drift: tuple[Mark, ...] = ()
    """The last windows, the oldest first; the newest alone has its reasons."""
    drifted: str = ""
    """The version that answered most of the newest of them."""
    looked_at: datetime | None = None
    """When that was recorded."""
    performance: Mark | None = None
    measured: Measured | None = None
    decision: LastDecision | None = None
    unanswered: str = ""
    """Window whose decision to retrain no run answers; maybe an older one than ``decision`` is about."""
    pause: Pause | None = None


def known(connection: sa.Connection, specs: Mapping[str, Spec | None]) -> dict[str, Known]:
    """Return what is known of each pipeline in ``specs``, where None is one whose description cannot be read."""
    names = list(specs)
    last, windows = asking.last(connection, names), _windows(connection, names)
    endings, pauses = asking.since_verdict(connection, names, KINDS), asking.pauses(connection, names)
    unanswered = asking.unanswered(connection, names)
    recent: dict[str, _Live] = {}
    for champion, first_live in asking.recent(connection, names, GENERATIONS):
        recent.setdefault(champion.pipeline, []).append((champion, first_live))
    found = {}
    for name, spec in specs.items():
        entries, history = last[name], recent.get(name, [])
        found[name] = Known(
            champion=_champion(history, spec),
            **_verdict(entries.get("verdict"), history, endings.get(name, [])),
            drift=_drift(windows.get(name, []), entries.get("drift")),
            drifted=_version(entries.get("drift")),
            looked_at=entries["drift"].recorded_at if "drift" in entries else None,
            performance=_performance(entries.get("performance"), spec),
            measured=_measured(entries.get("performance"), spec),
            decision=_decision(entries.get("decision"), unanswered.get(name, "")),
            unanswered=unanswered.get(name, ""),
            pause=_pause(pauses.get(name)),
        )
    return found


def _windows(connection: sa.Connection, names: Collection[str]) -> dict[str, list[sa.Row[Any]]]:
    found: dict[str, list[sa.Row[Any]]] = {}
    for row in asking.newest(connection, names, "drift", MARKS, level=str, distance=float):
        found.setdefault(row.pipeline, []).append(row)
    return found


def _champion(history: _Live, spec: Spec | None) -> Version | None:
    """Return what is live on the target of the description; where nothing is, what went live last anywhere."""
    ours = [one for one in history if spec is not None and one[0].target == spec.release.target]
    newest = max(ours or history, key=lambda one: one[0].recorded_at, default=None)
    return None if newest is None else version_of(newest[0], first_live=newest[1], until=None)


def _verdict(entry: Entry | None, history: _Live, endings: list[Entry]) -> dict[str, Any]:
    if entry is None:
        return {}
    said, version = entry.payload, str(entry.payload.get("version", ""))
    newest_first = sorted((champion for champion, _ in history), key=lambda one: one.recorded_at, reverse=True)
    number, came = said.get("number"), became(version, newest_first, endings)
    reasons = came.entry.payload.get("reasons") if came.entry is not None else None
    verdict = LastVerdict(
        version=version,
        outcome=said["outcome"],
        as_of=entry.as_of,
        recorded_at=entry.recorded_at,
        reasons=tuple(said.get("reasons", ())),
        number=sided(msgspec.convert(number, Number)) if number else None,
        became=came.word,
    )
    return {"verdict": verdict, "ended": str(reasons[0]) if reasons else ""}


def _drift(rows: list[sa.Row[Any]], newest: Entry | None) -> tuple[Mark, ...]:
    """Return one mark for each window; where one was looked at again the last word counts."""
    marks: dict[str, Mark] = {}
    for row in rows:
        window = window_of(row.subject)
        marks.pop(row.subject, None)
        marks[row.subject] = Mark(
            window=row.subject, start=window.start, end=window.end, level=row.level, value=row.distance,
            reasons=tuple(newest.payload.get("reasons", ())) if newest and newest.subject == row.subject else (),
        )  # fmt: skip
    return tuple(marks.values())[-MARKS:]


def _version(entry: Entry | None) -> str:
    return "" if entry is None else str(entry.payload.get("version", ""))


def _performance(entry: Entry | None, spec: Spec | None) -> Mark | None:
    if entry is None:
        return None
    window, metrics = window_of(entry.subject), entry.payload.get("metrics", {})
    return Mark(
        window=entry.subject,
        start=window.start,
        end=window.end,
        level=entry.payload["level"],
        value=metrics.get(_main_metric(entry, spec)),
        reasons=tuple(entry.payload.get("reasons", ())),
    )


def _main_metric(entry: Entry, spec: Spec | None) -> str:
    """Return the metric of the first rule, or without one the first that was measured."""
    rules = spec.monitor.performance if spec is not None else ()
    return rules[0].metric if rules else min(entry.payload.get("metrics", {}), default="")


def _measured(entry: Entry | None, spec: Spec | None) -> Measured | None:
    if entry is None:
        return None
    metrics, reasons = entry.payload.get("metrics", {}), entry.payload.get("reasons", ())
    # The first reason is that of the worst rule, and begins with its metric.
    worst = str(reasons[0]).split(maxsplit=1)[0].rstrip(":") if reasons else ""
    metric = worst if worst in metrics else _main_metric(entry, spec)
    warn, act = _limits(metric, entry.payload.get("baseline", {}).get(metric), spec)
    return Measured(metric, metrics.get(metric), warn, act, _version(entry))


def _limits(metric: str, baseline: float | None, spec: Spec | None) -> tuple[float | None, float | None]:
    rules = spec.monitor.performance if spec is not None else ()
    rule = next((one for one in rules if one.metric == metric), None)
    if rule is None or baseline is None:
        return None, None
    return worse(metric, baseline, rule.warn), worse(metric, baseline, rule.act)


def _decision(entry: Entry | None, unanswered: str) -> LastDecision | None:
    if entry is None:
        return None
    return LastDecision(
        window=entry.subject,
        action=entry.payload["action"],
        as_of=entry.as_of,
        reasons=tuple(entry.payload.get("reasons", ())),
        is_unanswered=entry.subject == unanswered,
    )


def _pause(entry: Entry | None) -> Pause | None:
    if entry is None:
        return None
    return Pause(by=str(entry.payload["by"]), reason=str(entry.payload["reason"]), since=entry.recorded_at)
