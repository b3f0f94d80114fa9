"""How well a pipeline is, and the one line that says why: what to look at first, then everything else.

``act``: something is wrong now. The newest window of the live version acted, what was released last was rolled back,
or a decision to retrain has no answer. ``watch``: something may go wrong, or nobody looks. ``well``: nothing is known
to be wrong. A candidate that was held or rejected is the gates' daily work, and no worry by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from airloop import clock
from airloop.monitoring.past import window_of
from airloop.overview.known import Known
from airloop.overview.shapes import Health, Mark
from airloop.overview.stretches import day, in_window, line
from airloop.reports.rules import schedule_of
from airloop.reports.wording import number
from airloop.spec.fields import format_duration

MISSED = 3
"""Runs of monitoring that did not come before it is said."""


@dataclass(frozen=True)
class Wanted:
    """What a description asks for, as far as health is held against it."""

    drift_warn: float
    drift_act: float
    fresh_within: timedelta | None = None
    schedule: str | None = None
    """When windows are looked at (cron, UTC); None: by hand."""
    window: timedelta = timedelta(days=1)
    wait: timedelta = timedelta(0)
    """Longest wait of a run for a window's predictions."""


def health(known: Known, wanted: Wanted | None, now: datetime, problem: str = "") -> tuple[Health, str]:
    """Return how well a pipeline is at ``now`` and why, in one line; ``problem``: why its description is not read."""
    if problem or wanted is None:
        return "broken", line(problem or "its description cannot be read")
    if known.champion is None:
        return "new", _new(known)
    worry = next(_acts(known, wanted, now), None)
    if worry is not None:
        return "act", line(worry)
    worry = next(_watches(known, wanted, now), None)
    return ("well", line(_well(known, now))) if worry is None else ("watch", line(worry))


def is_stale(known: Known, wanted: Wanted | None, now: datetime) -> bool:
    """Return whether what is live was released longer ago than the description wants."""
    within = wanted.fresh_within if wanted is not None else None
    return within is not None and known.champion is not None and now - known.champion.first_live >= within


def _new(known: Known) -> str:
    verdict = known.verdict
    if verdict is None:
        return "nothing was judged yet"
    told = f": {verdict.reasons[0]}" if verdict.reasons and not verdict.became else ""
    became = f", {verdict.became}" if verdict.became else ""
    return line(f"nothing was released yet; version {verdict.version} was judged {verdict.outcome}{became}{told}")


def _acts(known: Known, wanted: Wanted, now: datetime) -> Iterator[str]:
    yield from _window(known, wanted, "ACT", now)
    champion, verdict = known.champion, known.verdict
    if champion is not None and champion.kind == "roll_back":
        by = f" by {champion.by}" if champion.by else ""
        yield f"{champion.reasons[0] if champion.reasons else 'rolled back'}{by} on {day(champion.since, now)}"
    if verdict is not None and verdict.became == "rolled back":
        why = f": {known.ended}" if known.ended else ""
        yield f"the rollout of version {verdict.version} was rolled back{why}"
    if known.unanswered:
        window = in_window(window_of(known.unanswered), now)
        yield f"a training was asked for after what was seen {window}, and no run answers"


def _watches(known: Known, wanted: Wanted, now: datetime) -> Iterator[str]:
    yield from _window(known, wanted, "WARN", now)
    if known.pause is not None:
        yield f"releases are paused by {known.pause.by} since {day(known.pause.since, now)}: {known.pause.reason}"
    if is_stale(known, wanted, now) and known.champion is not None and wanted.fresh_within is not None:
        since, within = day(known.champion.first_live, now), format_duration(wanted.fresh_within)
        yield f"version {known.champion.version} is live since {since}: a newer one is wanted within {within}"
    for what, mark, _ in _newest(known):
        if mark.level == "INCONCLUSIVE":
            why = mark.reasons[0] if mark.reasons else "too little is known"
            yield f"{what} cannot be told {in_window(mark, now)}: {why}"
    last = max(known.looked_at or known.champion.since, known.champion.since) if known.champion else now
    if wanted.schedule is not None and _is_silent(last, wanted, now):
        yield f"no window was looked at since {day(last, now)}: it is wanted {schedule_of(wanted.schedule)}"


def _is_silent(since: datetime, wanted: Wanted, now: datetime) -> bool:
    """Return whether windows should have been looked at several times ``since`` the last one was."""
    if wanted.schedule is None or now - since <= MISSED * wanted.window:
        return False
    ticks = clock.ticks(wanted.schedule, since + timedelta(seconds=1))
    return next(itertools.islice(ticks, MISSED - 1, None)) + wanted.wait < now


def _window(known: Known, wanted: Wanted, level: str, now: datetime) -> Iterator[str]:
    """Say what is at ``level`` in the newest window; that of a version which is not live any more is answered."""
    for what, mark, version in _newest(known):
        if mark.level != level or version not in ("", _live(known)):
            continue
        when = in_window(mark, now)
        value, limit = _drifted(mark, wanted) if what == "drift" else _measured(known, mark)
        if value and limit:
            yield f"{value} {when}: {level.lower()} limit {limit}"
        else:
            yield f"{what} {when}: {mark.reasons[0] if mark.reasons else level}"


def _drifted(mark: Mark, wanted: Wanted) -> tuple[str, str]:
    """Return the distance and its limit in words, "" where the distance alone does not tell why."""
    limit = wanted.drift_act if mark.level == "ACT" else wanted.drift_warn
    if mark.value is None or mark.value < limit:
        return "", ""
    return f"drift of {number(mark.value)}", number(limit)


def _measured(known: Known, mark: Mark) -> tuple[str, str]:
    """Return the metric and its limit in words, "" where one is not known."""
    measured = known.measured
    limit = None if measured is None else measured.act if mark.level == "ACT" else measured.warn
    if measured is None or measured.value is None or limit is None:
        return "", ""
    return f"{measured.metric} {number(measured.value)}", number(limit)


def _newest(known: Known) -> Iterator[tuple[str, Mark, str]]:
    """Yield what was found in the newest windows, with the version that it is about: performance first."""
    if known.performance is not None:
        yield "performance", known.performance, known.measured.version if known.measured else ""
    if known.drift:
        yield "drift", known.drift[-1], known.drifted


def _live(known: Known) -> str:
    return known.champion.version if known.champion is not None else ""


def _well(known: Known, now: datetime) -> str:
    seen = [(what, mark) for what, mark, version in _newest(known) if version in ("", _live(known))]
    if not seen:
        return f"version {_live(known)} is live; no window of it was looked at yet"
    told = []
    if seen[0][0] == "performance" and known.measured is not None and known.measured.value is not None:
        told.append(f"{known.measured.metric} {number(known.measured.value)}")
    if seen[-1][0] == "drift" and seen[-1][1].value is not None:
        told.append(f"drift of {number(seen[-1][1].value, 2)}")
    return f"{', '.join(told) or 'nothing to worry about'} {in_window(seen[-1][1], now)}"
