"""Rolling back: a person puts an earlier release back, at once and without a climb."""

from __future__ import annotations

from airloop.errors import ReleaseRefused, nearest
from airloop.ledger import Champion
from airloop.refs import ReleaseOutcome, ReleaseRef
from airloop.release import hand_over
from airloop.release.changing import Change, alone, placed
from airloop.release.target import Target
from airloop.release.targets import target_of
from airloop.release.waiting import DEFAULT_PACE, Pace, Report, holding
from airloop.spec import Pipeline
from airloop.workspace import Workspace


def roll_back(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    to: str | None,
    reason: str,
    by: str,
    run_id: str,
    report: Report,
    target: Target | None = None,
    pace: Pace = DEFAULT_PACE,
) -> ReleaseRef:
    """Put version ``to`` (or generation ``"#3"``; None: the release before the live one) back live.

    A release in progress loses its lease and ends as REFUSED. Raises ReleaseRefused when there is nothing to go back
    to, BundleError when that bundle is gone or altered, EvidenceError when what its release rests on is altered,
    Unreachable when target or ledger is silent; then nothing was changed, except where the message says that the roll
    back is committed.
    """
    place = target or target_of(workspace, pipeline.spec)
    history = workspace.ledger.champions(pipeline.name, place.name)
    committed = _committed_before(history, run_id)
    goal = committed or find(history, to, pipeline.name, place.name)
    notes = hand_over.check_champion(workspace, goal)
    for note in notes:
        report(note)
    with holding(workspace.ledger, pipeline.name, place.name, run_id, pace=pace, report=report, longest_s=0) as hold:
        change = Change(workspace, pipeline.name, place, hold, run_id, by, keep=pipeline.spec.release.keep)
        change.evidence |= {"evidence": hand_over.statement_of(change.ledger, goal), "image": goal.image}
        champion = _commit(change, goal, reason) if committed is None else committed
        report(f"committed: {champion}")
        problem = change.serve(champion)
        return change.ended(
            ReleaseOutcome.ROLLED_BACK,
            champion.bundle,
            champion.version,
            (*champion.reasons, *notes, problem),
            champion.generation,
        )


def find(history: list[Champion], to: str | None, pipeline: str, target: str) -> Champion:
    """Return the champion meant by ``to`` in ``history`` (newest first). Raises ReleaseRefused naming what there is."""
    if not history:
        raise ReleaseRefused(f"{pipeline} on {target}: nothing was ever released, so there is nothing to go back to")
    live = history[0]
    if to is None:
        before = next((c for c in history if c.generation == live.released_as - 1), None)
        if before is None:
            raise ReleaseRefused(
                f"{live.place}: {live} is the first release, so there is nothing before it to go back to"
            )
        return before
    named = [c for c in history if to in (c.version, f"#{c.generation}")]
    if not named:
        known = {c.version for c in history} | {f"#{c.generation}" for c in history}
        raise ReleaseRefused(f"{live.place}: version {to!r} was never live.{nearest(to, known)}")
    if named[0].bundle == live.bundle:
        raise ReleaseRefused(f"{live.place}: {live} is live already")
    return named[0]


def _committed_before(history: list[Champion], run_id: str) -> Champion | None:
    """Return what this run rolled back to already (a retry). Raises ReleaseRefused when it is not live any more."""
    mine = next((c for c in history if run_id and c.run_id == run_id and c.kind == "roll_back"), None)
    if mine is not None and mine is not history[0]:
        raise ReleaseRefused(
            f"{mine.place}: run {run_id!r} already rolled back to {mine}; since then {history[0]} went live. "
            "A retry changes nothing: start a new run"
        )
    return mine


def _commit(change: Change, goal: Champion, reason: str) -> Champion:
    live = change.live()
    staged = alone(live).with_candidate(placed(goal), 0)
    change.hold.answered(lambda: change.target.apply(change.pipeline, staged))
    gone = f"rolled back from version {live.version} to version {goal.version}" if live else ""
    return change.ledger.promote(
        change.pipeline,
        change.target.name,
        bundle=goal.bundle,
        version=goal.version,
        data_cut_off=goal.data_cut_off,
        expected_generation=live.generation if live else 0,
        run_id=change.run_id,
        reasons=tuple(text for text in (gone, reason) if text),
        kind="roll_back",
        by=change.by,
        restores=goal.released_as,
        image=goal.image,
    )
