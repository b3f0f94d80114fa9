"""Whether to train again: a pure function over windows, earlier decisions and what became of earlier candidates.

**A wish.** A window is *violated* by drift or by performance when that acts; after that a warning still violates, until
the same signal is OK again. The wish needs ``m`` of the ``n`` latest windows violated, the newest among them. Only
windows of the version that is live count: a new version starts with a clean record. A signal that is INCONCLUSIVE
neither violates nor ends a violation, and a window in which both are is skipped. Of windows that overlap only the
newest counts: they look at the same rows.

**What a wish must pass.** The cool-down since the last decision to retrain (doubled by each candidate in a row that was
asked for and not released), the budget, and new labels. **What no retraining would help**: nothing live, a source that
is broken or stale, no labels, no data that the live version has not seen; and a window older than a decided one never
asks. Every time is an ``as_of``: nothing here reads the time of day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from airloop import clock
from airloop.monitoring import blocking
from airloop.monitoring.blocking import Candidate, Decided, Live, Past
from airloop.monitoring.telling import counted, lasting, told_window
from airloop.monitoring.violations import WindowFacts, chain, labelled_since, violated
from airloop.refs import Action
from airloop.spec.model import Retrain

__all__ = ["Candidate", "Decided", "Decision", "Live", "WindowFacts", "decide"]

Judged = Sequence[tuple[WindowFacts, tuple[str, ...]]]
"""Windows, newest first, each with what violates it."""


@dataclass(frozen=True)
class Decision:
    """What the policy says, with its reasons in plain words."""

    action: Action
    reasons: tuple[str, ...]


def decide(
    windows: Iterable[WindowFacts],
    *,
    retrain: Retrain,
    as_of: datetime,
    live: Live | None,
    decided: Iterable[Decided] = (),
    candidates: Iterable[Candidate] = (),
    new_labels: int | None = None,
) -> Decision:
    """Return RETRAIN, or WAIT with everything that speaks against it, on the newest of ``windows``.

    ``windows``, ``decided`` and ``candidates`` come in any order. ``new_labels`` have become known since the live
    version's data; None counts those of the windows since then. Raises ValueError without a window.
    """
    facts = sorted(windows, key=WindowFacts.age, reverse=True)
    if not facts:
        raise ValueError("a decision needs a window, got none")
    past = Past(retrain, clock.in_utc(as_of), tuple(decided), tuple(candidates))
    if live is None:
        hopeless = ("retraining would not help: nothing is live; train and release first", *_hopeless(facts[0], past))
        return Decision(Action.WAIT, hopeless)
    needed, _, of = map(str, retrain.windows.partition(" of "))
    judged = violated(chain(facts, live.version))[: int(of)]
    new = labelled_since(facts, live.data_cut_off) if new_labels is None else new_labels
    against = [*_unwished(facts[0], judged, int(needed), live), *_hopeless(facts[0], past)]
    if _is_violated(facts[0], judged):
        against += _too_early(live, past, new, joined=sum(one.labelled for one, _ in judged))
    if against:
        return Decision(Action.WAIT, tuple(against))
    return Decision(Action.RETRAIN, (_wish(judged, int(needed)), *_passed(live, past, new)))


def _is_violated(newest: WindowFacts, judged: Judged) -> bool:
    return bool(judged) and judged[0][0] == newest and bool(judged[0][1])


def _unwished(newest: WindowFacts, judged: Judged, needed: int, live: Live) -> Iterator[str]:
    """Say why the windows do not ask for a retraining."""
    if newest.version and newest.version != live.version:
        answered = f"version {newest.version} answered most of the window"
        yield f"{answered}; version {live.version} is live, and what that does is not known yet"
    elif not newest.is_conclusive:
        yield "the window is inconclusive: neither drift nor performance could be judged"
    elif not _is_violated(newest, judged):
        yield f"the window is not violated: {newest.levels}"
    elif _hits(judged) < needed:
        yield f"{_seen(judged)}, {needed} are needed: {_told(judged)}"


def _hopeless(newest: WindowFacts, past: Past) -> Iterator[str]:
    """Say why retraining would not help whatever the windows ask for."""
    yield from filter(None, (blocking.source(newest), blocking.late(newest, past)))


def _too_early(live: Live, past: Past, new: int, *, joined: int) -> Iterator[str]:
    """Say what else a wish does not pass."""
    rules = (
        blocking.nothing_new(live, past),
        blocking.labels(live, past, new=new, joined=joined),
        blocking.cool_down(past),
        blocking.budget(past),
    )
    yield from filter(None, rules)


def _wish(judged: Judged, needed: int) -> str:
    return f"{_seen(judged)}, the newest among them ({needed} are needed): {_told(judged)}"


def _hits(judged: Judged) -> int:
    return sum(bool(signals) for _, signals in judged)


def _seen(judged: Judged) -> str:
    hits = _hits(judged)
    return f"{hits} of the latest {counted(len(judged), 'window')} {'is' if hits == 1 else 'are'} violated"


def _told(judged: Judged) -> str:
    return "; ".join(f"{told_window(one.window)} {' and '.join(signals)}" for one, signals in judged if signals)


def _passed(live: Live, past: Past, new: int) -> tuple[str, str]:
    """Say what the wish has passed, with its numbers."""
    since = f"since the data of version {live.version}, {clock.told(live.data_cut_off)}"
    asked = f"the last retraining was asked for {lasting(past.as_of - past.asked[0])} ago" if past.asked else ""
    return (
        f"{counted(new, 'label')} became known {since}: at least {past.retrain.min_labels:,} are needed",
        f"{asked or 'no retraining was asked for before'} (cool-down {lasting(past.cool_down)}, "
        f"budget {past.retrain.at_most})",
    )
