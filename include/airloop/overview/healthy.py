"""How well a pipeline is, and the one line that says why: what to look at first, then everything else.

``act``: something is wrong now. The newest window of the live version acted, what was released last was rolled back,
or a decision to retrain has no answer. ``watch``: something may go wrong. ``well``: nothing is known to be wrong. A
candidate that was held or rejected is the gates' daily work, and no worry by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from airloop.monitoring.past import window_of
from airloop.overview.known import Known
from airloop.overview.shapes import Health, Mark
from airloop.overview.stretches import day, in_window, line
from airloop.reports.wording import number
from airloop.spec.fields import format_duration


@dataclass(frozen=True)
class Wanted:
    """What a description asks for, as far as health is held against it."""

    drift_warn: float
    drift_act: float
    fresh_within: timedelta | None = None


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


def _window(known: Known, wanted: Wanted, level: str, now: datetime) -> Iterator[str]:
    """Say what is at ``level`` in the newest window; that of a version which is not live any more is answered."""
    for what, mark, version in _newest(known):
        if mark.level != level or version not in ("", _live(known)):
            continue
        limit = f"{level.lower()} limit"
        measured, when = known.measured, in_window(mark, now)
        if what == "drift":
            least = wanted.drift_act if level == "ACT" else wanted.drift_warn
            told = f"drift of {number(mark.value)} {when}: {limit} {number(least)}" if _reaches(mark, least) else ""
        else:
            held = (measured.act if level == "ACT" else measured.warn) if measured else None
            told = ""
            if measured is not None and measured.value is not None and held is not None:
                told = f"{measured.metric} {number(measured.value)} {when}: {limit} {number(held)}"
        yield told or f"{what} {when}: {mark.reasons[0] if mark.reasons else level}"


def _newest(known: Known) -> Iterator[tuple[str, Mark, str]]:
    """Yield what was found in the newest windows, with the version that it is about: performance first."""
    if known.performance is not None:
        yield "performance", known.performance, known.measured.version if known.measured else ""
    if known.drift:
        yield "drift", known.drift[-1], known.drifted


def _reaches(mark: Mark, limit: float) -> bool:
    return mark.value is not None and mark.value >= limit


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
