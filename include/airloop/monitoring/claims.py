"""Which training answers which decision to retrain: decided from the ledger's state, never from events.

An event that asks for a retraining may be lost, doubled or merged with others, so a run asks the ledger instead what is
still to be answered. The newest decision is claimed first, by an entry that can exist once: the run that gets it takes
the older ones along, all others leave them. So a burst of runs makes one training.

A claim is for good. The same run gets it again when it is retried or cleared; when it never ends well, nobody else
answers that decision, and a later one asks anew (the cool-down counts from the decision). A decision that the live
version has overtaken, because it has learned from data as new as that, needs no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airloop import clock
from airloop.ledger import Entry, Ledger
from airloop.monitoring.past import FAR_BACK, known_as_of
from airloop.refs import Action, ClaimRef

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

KIND = "retraining"
"""The ledger's entries, one for each decision to retrain that is being answered."""


def claim(workspace: Workspace, pipeline: Pipeline, *, run_id: str) -> ClaimRef:
    """Return the decisions to retrain that ``run_id`` answers: those nobody has claimed, or its own from before.

    Without any, ``reasons`` say which run answers, or that nothing is asked for.
    """
    ledger, name = workspace.ledger, pipeline.name
    asked = ledger.latest(name, "decision", limit=FAR_BACK, action=str(Action.RETRAIN))
    holders = {entry.subject: str(entry.payload["run_id"]) for entry in ledger.latest(name, KIND, limit=FAR_BACK)}
    # A retry must not take what was asked for after its first try: its as_of would be another one.
    first = next((number for number, entry in enumerate(asked) if holders.get(entry.subject) == run_id), 0)
    live = ledger.live(name, pipeline.spec.release.target)
    mine: list[Entry] = []
    against: list[str] = []
    for decision in asked[first:]:
        if decision.subject not in holders and live is not None and known_as_of(decision) <= live.data_cut_off:
            until = clock.told(live.data_cut_off)
            against.append(f"{decision.subject}: version {live.version} is live, with data up to {until}")
            continue
        holder = holders.get(decision.subject) or _claimed(ledger, decision, run_id)
        if holder != run_id:
            # It answers the older ones, too, even if it has not come to them yet.
            against.append(f"{decision.subject}: run {holder} answers it")
            break
        mine.append(decision)
    if mine:
        return _answering(mine)
    return ClaimRef(windows=(), as_of=None, reasons=(*against, "no window has asked for a retraining")[:1])


def _claimed(ledger: Ledger, decision: Entry, run_id: str) -> str:
    """Claim a decision for ``run_id``, unless another run is first; return whose it is."""
    payload = {"run_id": run_id, "as_of": clock.iso(known_as_of(decision))}
    claim = ledger.record(KIND, decision.pipeline, decision.subject, payload, as_of=decision.as_of)
    return str(claim.payload["run_id"])


def _answering(decisions: list[Entry]) -> ClaimRef:
    newest_first = sorted(decisions, key=lambda entry: (known_as_of(entry), entry.id), reverse=True)
    newest, *older = newest_first
    told = [f"{newest.subject}: {reason}" for reason in newest.payload["reasons"]]
    told += [f"{entry.subject}: {entry.payload['reasons'][0]}" for entry in older]
    return ClaimRef(
        windows=tuple(entry.subject for entry in newest_first), as_of=known_as_of(newest), reasons=tuple(told)
    )
