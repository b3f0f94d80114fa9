"""The rollout that is under way, or else the last one, as a ladder of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airloop.overview.described import descriptions
from airloop.overview.shapes import Ladder, Live, Rung
from airloop.release import rollout
from airloop.release.hand_over import CERTIFIED
from airloop.release.rollout import FULL, Action, Step

if TYPE_CHECKING:
    from airloop.ledger import Champion, Entry, Ledger
    from airloop.spec.model import Release
    from airloop.workspace import Workspace

ENDS = ("released", "rolled_back", "refused")
"""Kinds of the ledger's entries on how a rollout ended; a roll back by a person leaves the second one, too."""
_MOST = 20


def ladder(workspace: Workspace, name: str, live: Live | None) -> Ladder | None:
    """Return the rollout with what ``live`` counts of it, None where nothing was ever rolled out.

    Raises Unreachable and LedgerError.
    """
    rules = _rules(workspace, name)
    champions = workspace.ledger.champions(name)
    ends = _ends(workspace.ledger, name, champions)
    running = _running(workspace.ledger, name, rules.target, ends) if rules else None
    if rules and running is not None:
        return _climbing(rules, running, [one for one in champions if one.target == rules.target], live)
    return _ended(rules, ends[0], champions, live) if ends else None


def _rules(workspace: Workspace, name: str) -> Release | None:
    spec = descriptions(workspace.pipelines).of(name).spec
    return spec.release if spec else None


def _ends(ledger: Ledger, name: str, champions: Sequence[Champion]) -> list[Entry]:
    """Return how the newest rollouts ended, the newest first."""
    by_hand = {one.run_id for one in champions if one.kind == "roll_back"}
    found = [entry for kind in ENDS for entry in ledger.entries(name, kind, limit=_MOST)]
    found = [entry for entry in found if entry.kind == "released" or entry.run_id not in by_hand]
    return sorted(found, key=lambda entry: entry.id, reverse=True)


def _running(ledger: Ledger, name: str, target: str, ends: Sequence[Entry]) -> Entry | None:
    """Return what certifies the release that is under way on ``target``; None where none is, or a roll back."""
    holder = ledger.holder(name, target)
    if not holder or any(entry.run_id == holder for entry in ends):
        return None
    found = ledger.entries(name, CERTIFIED, run_id=holder, limit=1)
    return found[0] if found else None


def _climbing(rules: Release, running: Entry, champions: Sequence[Champion], live: Live | None) -> Ladder:
    steps = rollout.plan(rules.rollout, has_champion=bool(champions))
    return Ladder(
        is_running=True,
        target=rules.target,
        candidate=str(running.payload["version"]),
        champion=champions[0].version if champions else "",
        rungs=tuple(_rung(step, _where(step, steps, live)) for step in steps),
        needed=rules.rollout.min_requests,
        live=live,
    )


def _where(step: Step, steps: Sequence[Step], live: Live | None) -> Any:
    """Return where a step is seen from the one that the target shows now; all are to come while it shows none."""
    seen = live.candidate if live else None
    if live is None or seen is None:
        return "to come"
    now = next((one for one in steps if (one.percent, one.shadow) == (seen.percent, live.is_shadow)), None)
    if now is None:
        return "to come"
    place, current = steps.index(step), steps.index(now)
    return "passed" if place < current else "now" if place == current else "to come"


def _ended(rules: Release | None, end: Entry, champions: Sequence[Champion], live: Live | None) -> Ladder:
    said: Any = end.payload
    generation = int(said.get("generation", 0)) - (end.kind == "released")
    before = (one.version for one in champions if (one.target, one.generation) == (said.get("target"), generation))
    return Ladder(
        is_running=False,
        target=str(said.get("target", "")),
        candidate=str(said.get("version", "")),
        champion=next(before, ""),
        rungs=tuple(_climbed(rules, end, is_first=not generation)),
        needed=rules.rollout.min_requests if rules else 0,
        live=live,
        ended=str(said["outcome"]),
        ended_at=end.recorded_at,
        reasons=tuple(map(str, said.get("reasons", ()))),
    )


def _climbed(rules: Release | None, end: Entry, *, is_first: bool) -> list[Rung]:
    """Return the steps that were judged and those of the description that were not: a retry judges the last ones."""
    judged = {_step(one["step"]): one for one in end.payload.get("steps", ())}
    planned = rollout.plan(rules.rollout, has_champion=not is_first) if rules else (FULL,)
    went_live = end.kind == "released"
    steps = sorted({*judged, *planned, FULL}, key=lambda step: (not step.shadow, step.percent))
    if went_live and not judged:
        steps = [FULL]
    last = max((steps.index(step) for step in judged), default=-1)
    rungs = []
    for place, step in enumerate(steps):
        if step in judged:
            passed = went_live or place < last or judged[step]["action"] == Action.PROMOTE
            rungs.append(_rung(step, "passed" if passed else "failed", tuple(judged[step]["reasons"])))
        else:
            rungs.append(_rung(step, "passed" if went_live or place < last else "skipped"))
    return rungs


def _step(label: str) -> Step:
    """Return the step that a ledger's entry calls ``label``."""
    return Step(0, shadow=True) if label == "shadow" else Step(int(label.split()[0]))


def _rung(step: Step, state: Any, reasons: tuple[str, ...] = ()) -> Rung:
    return Rung(label=str(step), percent=step.percent, is_shadow=step.shadow, state=state, reasons=reasons)
