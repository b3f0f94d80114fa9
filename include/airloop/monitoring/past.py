"""What the retrain policy must know of the past, read from the ledger."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from airloop import clock
from airloop.errors import LedgerError
from airloop.ledger import Champion, Entry, Ledger
from airloop.monitoring.blocking import Candidate, Decided, Live
from airloop.monitoring.violations import WindowFacts
from airloop.monitoring.window import Window
from airloop.refs import Action, Level, Outcome

FAR_BACK = 2_000
"""Most entries of one kind that are looked at; enough for five windows of a week that are looked at every hour."""


@dataclass(frozen=True)
class Past:
    """What came before a window."""

    windows: tuple[WindowFacts, ...]
    live: Live | None
    decided: tuple[Decided, ...]
    candidates: tuple[Candidate, ...]


def before(ledger: Ledger, pipeline: str, target: str, window: Window, *, as_of: datetime, is_binding: bool) -> Past:
    """Return what came before ``window``; for one that does not bind, as it was for a run at ``as_of``.

    Then later decisions, candidates and champions with later data do not exist.
    """
    champions = ledger.champions(pipeline, target)
    decided, candidates = decisions(ledger, pipeline), judged(ledger, pipeline, champions)
    if not is_binding:
        champions = [champion for champion in champions if champion.data_cut_off <= as_of]
        decided = [one for one in decided if one.window.end < window.end]
        candidates = [one for one in candidates if one.as_of < as_of]
    live = Live(champions[0].version, champions[0].data_cut_off) if champions else None
    windows = tuple(one for one in watched(ledger, pipeline, until=as_of) if one.window.end < window.end)
    return Past(windows, live, tuple(decided), tuple(candidates))


def window_of(name: str) -> Window:
    """Return the window with this ``Window.name``."""
    start, _, end = name.partition("/")
    return Window(clock.parse(start), clock.parse(end))


def watched(ledger: Ledger, pipeline: str, *, until: datetime) -> list[WindowFacts]:
    """Return what runs with an ``as_of`` up to ``until`` recorded about windows; the last word on each counts."""
    drifts = last_by_subject(ledger.latest(pipeline, "drift", until=until, limit=FAR_BACK))
    performances = last_by_subject(ledger.latest(pipeline, "performance", until=until, limit=FAR_BACK))
    return [_facts(name, drifts.get(name), performances.get(name)) for name in {**drifts, **performances}]


def decisions(ledger: Ledger, pipeline: str) -> list[Decided]:
    """Return the newest decisions, and all that asked for a retraining."""
    asking = ledger.latest(pipeline, "decision", limit=FAR_BACK, action=str(Action.RETRAIN))
    found = {entry.id: entry for entry in (*ledger.latest(pipeline, "decision"), *asking)}
    return [
        Decided(window_of(entry.subject), Action(entry.payload["action"]), known_as_of(entry))
        for entry in found.values()
    ]


def judged(ledger: Ledger, pipeline: str, champions: list[Champion]) -> list[Candidate]:
    """Return the candidates that came to an end: live and not rolled back since, or held, rejected, or fallen later.

    One that was promoted and then neither released nor refused is on its way still, or a backfill's: left out.
    """
    lasting = _lasting(champions)
    fallen = {str(entry.payload.get("version", "")) for entry in _falls(ledger, pipeline)}
    found = []
    for entry in ledger.latest(pipeline, "verdict", limit=FAR_BACK):
        version = str(entry.payload.get("version", ""))
        if version in lasting or version in fallen or entry.payload.get("outcome") != Outcome.PROMOTE:
            found.append(Candidate(known_as_of(entry), was_released=lasting.get(version, False)))
    return found


def _lasting(champions: list[Champion]) -> dict[str, bool]:
    """Return for each version that was live whether it is still, or was last followed by a release, not a roll back."""
    lasting: dict[str, bool] = {}
    for newer, older in itertools.pairwise([None, *champions]):
        if older is not None:
            lasting.setdefault(older.version, newer is None or newer.kind == "release")
    return lasting


def _falls(ledger: Ledger, pipeline: str) -> Iterator[Entry]:
    for kind in ("rolled_back", "refused"):
        yield from ledger.entries(pipeline, kind, limit=FAR_BACK)
    unverified = ledger.entries(pipeline, "verification", limit=FAR_BACK)
    yield from (entry for entry in unverified if not entry.payload.get("passed"))


def last_by_subject(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return the entry recorded last for each subject."""
    return {entry.subject: entry for entry in sorted(entries, key=lambda entry: entry.id)}


def _facts(name: str, drift: Entry | None, performance: Entry | None) -> WindowFacts:
    first = drift or performance
    return WindowFacts(
        window=window_of(name),
        drift=_level(drift),
        performance=_level(performance),
        rows=first.payload.get("rows", 0) if first else 0,
        labelled=performance.payload.get("labelled", 0) if performance else 0,
        version=first.payload.get("version", "") if first else "",
    )


def _level(entry: Entry | None) -> Level:
    return Level(entry.payload["level"]) if entry else Level.INCONCLUSIVE


def known_as_of(entry: Entry) -> datetime:
    """Return the ``as_of`` of an entry of monitoring or judging; all of them have one."""
    if entry.as_of is None:
        raise LedgerError(f"{entry.pipeline}: entry {entry.id} ({entry.kind!r} of {entry.subject}) has no as_of")
    return entry.as_of
