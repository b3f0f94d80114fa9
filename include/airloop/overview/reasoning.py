"""Words that several answers to *why* share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from airloop import clock
from airloop.overview import addresses
from airloop.overview.shapes import Because, Gate, Related
from airloop.reports.wording import number

if TYPE_CHECKING:
    from airloop.ledger import Champion, Entry, Ledger

State = Literal["good", "bad", "open", "told"]
STATES: dict[str, State] = {"PASS": "good", "FAIL": "bad", "UNDECIDED": "open", "LATER": "told"}
OUTCOMES: dict[str, State] = {"PROMOTE": "good", "REJECT": "bad", "HOLD": "open"}
LEVELS: dict[str, State] = {"OK": "good", "WARN": "open", "ACT": "bad", "INCONCLUSIVE": "open"}
_ORDER = ("FAIL", "UNDECIDED", "PASS", "LATER")
_ENDS = (".", "!", "?", "…")


def quoted(text: str) -> str:
    """Return what a person wrote, in quotation marks; empty where they wrote nothing."""
    return f"“{text.strip()}”" if text.strip() else ""


def after_colon(text: str, reason: str) -> str:
    """Return ``text: reason.``, or ``text.`` without a reason."""
    said = f"{text}: {reason}" if reason else text
    return said if said.endswith(_ENDS) else f"{said}."


def all_of(reasons: Iterable[str], state: State) -> Iterator[Because]:
    """Yield a reason each, all of one state."""
    yield from (Because(text=str(reason), state=state) for reason in reasons if reason)


def of_gates(gates: Iterable[Gate], others: Iterable[str]) -> Iterator[Because]:
    """Yield what each gate says, those that decided it first, then ``others``: reasons that no gate knows."""
    said = set()
    for gate in sorted(gates, key=lambda gate: (gate.is_shadow, _ORDER.index(gate.status))):
        said.add(gate.reason)
        if gate.is_shadow:
            yield Because(text=f"in shadow, decides nothing: {gate.reason}", state="told")
        elif gate.status == "LATER":
            yield Because(text=f"{gate.number.rule}: measured when the bundle is verified", state="told")
        else:
            yield Because(text=gate.reason, state=STATES[gate.status])
    yield from (Because(text=text, state="open") for text in others if text not in said)


def missing(gates: Iterable[Gate]) -> Iterator[str]:
    """Yield, for each gate that was not met, by how much it was missed or how many rows would decide it."""
    for gate in gates:
        if gate.is_shadow:
            continue
        if gate.status == "FAIL" and gate.margin is not None and gate.margin < 0:
            yield f"{gate.number.rule}: {number(-gate.margin, 2)} short of passing."
        elif gate.status == "UNDECIDED" and gate.needed_rows:
            yield f"{gate.number.rule}: about {gate.needed_rows:,} further labelled rows would decide it."


def of_pause(pause: Entry | None) -> Iterator[str]:
    """Yield that releases are paused, where they are."""
    if pause is not None:
        by, reason = pause.payload["by"], quoted(str(pause.payload["reason"]))
        since = clock.told(pause.recorded_at)
        yield f"Releases are paused by {by} since {since}: {reason}. Nothing new goes live until somebody resumes them."


def stays(champions: Iterable[Champion]) -> str:
    """Return which version answers meanwhile; ``champions`` are the newest first."""
    live = next(iter(champions), None)
    return f"Version {live.version} stays live." if live else "Nothing is live yet."


def of_run(run: str) -> Related:
    """Return the page about a run."""
    return Related(title="The run that did it", query=addresses.why(run=run))


def of_windows(ledger: Ledger, pipeline: str, run: str) -> Iterator[Related]:
    """Yield the windows of production for which monitoring asked for the training that a run is."""
    for claim in ledger.latest(pipeline, "retraining", run_id=run) if run else ():
        query = addresses.why(window=claim.subject)
        yield Related(title=f"Monitoring asked for it: {window(claim.subject)}", query=query)


def window(name: str) -> str:
    """Return ``2013-03-18 to 2013-03-25`` for the name of a window."""
    from airloop.monitoring.past import window_of
    from airloop.monitoring.telling import told_window

    return told_window(window_of(name))
