"""Where the ledger and a target disagree on what is live, in words."""

from __future__ import annotations

from airloop.errors import BundleError, LostRace, Unreachable
from airloop.ledger import Champion
from airloop.release.changing import alone
from airloop.release.target import State, Target
from airloop.workspace import Workspace

_LEASE_S = 150.0
"""Longer than the target may take to load a bundle."""


def differences(workspace: Workspace, pipeline: str, target: Target) -> list[str]:
    """Return how what ``target`` serves differs from the ledger's champion; empty when they agree."""
    live = workspace.ledger.live(pipeline, target.name)
    try:
        state = target.observe(pipeline).state
    except Unreachable as error:
        return [f"the target does not say what it serves: {error}"]
    return apart(live, state)


def apart(live: Champion | None, state: State) -> list[str]:
    """Return how ``state``, what a target serves, differs from the ledger's champion."""
    if state == alone(live):
        return []
    found = []
    if state.champion != alone(live).champion:
        found.append(f"the ledger says {_words(live)} is live, the target serves {state}")
    if state.candidate is not None:
        found.append(f"a candidate is on the target: {state}; a rollout is on its way, or its run died")
    return found


def reconcile(workspace: Workspace, pipeline: str, target: Target) -> list[str]:
    """Make the target serve the ledger's champion alone; return what was different. Nothing is done when they agree.

    Not for use while a rollout is on its way: it takes the candidate away. Raises Unreachable and BundleError.
    """
    found = differences(workspace, pipeline, target)
    if found:
        target.apply(pipeline, alone(workspace.ledger.live(pipeline, target.name)))
    return found


def set_right(workspace: Workspace, pipeline: str, target: Target, *, run_id: str) -> list[str]:
    """Reconcile unless a rollout is on its way; return what was different and what became of it, empty when they agree.

    A target that is silent, or cannot load the champion, stays as it is; what it says is among what is returned.
    """
    if workspace.ledger.live(pipeline, target.name) is None or not (found := differences(workspace, pipeline, target)):
        return []
    try:
        lease = workspace.ledger.take_lease(pipeline, target.name, run_id, seconds=_LEASE_S)
    except LostRace as error:
        return [*found, f"left as it is: {error}"]
    try:
        found = reconcile(workspace, pipeline, target)
    except (Unreachable, BundleError) as error:
        return [*found, f"left as it is: {error}"]
    finally:
        workspace.ledger.give_lease_back(lease)
    return [*found, "the target serves the ledger's champion alone again"] if found else []


def _words(champion: Champion | None) -> str:
    return str(champion) if champion else "nothing"
