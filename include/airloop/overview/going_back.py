"""What a roll back would change, told before it is done; ``release.roll_back`` asks the same rules again when it is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from airloop import clock
from airloop.errors import AirloopError, ReleaseRefused, SpecError, Unreachable
from airloop.ledger import Champion
from airloop.monitoring.telling import lasting
from airloop.overview.described import descriptions
from airloop.overview.reasoning import after_colon, quoted
from airloop.overview.shapes import GoingBack, Version
from airloop.overview.versions import versions
from airloop.release import hand_over
from airloop.release.going_back import find

if TYPE_CHECKING:
    from airloop.ledger import Ledger
    from airloop.workspace import Workspace


def going_back(workspace: Workspace, name: str, to: str = "") -> GoingBack:
    """Return what would be different after a roll back to version ``to`` (default: the release before the live one).

    ``problem`` says why it cannot be done. Raises SpecError where the pipeline's description cannot be read, and
    Unreachable where the ledger is silent.
    """
    target = _target(workspace, name)
    history = workspace.ledger.champions(name, target)
    told = {one.generation: one for one in versions(history)}
    live = told[history[0].generation] if history else None
    choices = _choices(history, told)
    try:
        goal = find(history, to or None, name, target)
    except ReleaseRefused as error:
        return GoingBack(live=live, to=None, choices=choices, changes=(), warnings=(), problem=str(error))
    warnings, problem = _checked(workspace, goal)
    return GoingBack(
        live=live,
        to=told[goal.generation],
        choices=choices,
        changes=tuple(_changes(workspace.ledger, history[0], goal)),
        warnings=(*warnings, *_warnings(workspace.ledger, history, goal)),
        problem=problem,
    )


def _target(workspace: Workspace, name: str) -> str:
    described = descriptions(workspace.pipelines).of(name)
    if described.spec is None:
        raise SpecError(described.problem)
    return described.spec.release.target


def _choices(history: Sequence[Champion], told: dict[int, Version]) -> tuple[Version, ...]:
    """Return what may be named: of each version the newest, unless that is what is live."""
    newest: dict[str, Champion] = {}
    for champion in history:
        newest.setdefault(champion.version, champion)
    return tuple(told[one.generation] for one in newest.values() if one.bundle != history[0].bundle)


def _checked(workspace: Workspace, goal: Champion) -> tuple[tuple[str, ...], str]:
    """Return what should be known of the version that would come back, and why it cannot."""
    try:
        return hand_over.check_champion(workspace, goal, heal=False), ""
    except Unreachable as error:
        return (f"whether it is still whole cannot be seen from here: {error}",), ""
    except AirloopError as error:
        return (), str(error)


def _changes(ledger: Ledger, live: Champion, goal: Champion) -> Iterator[str]:
    yield (
        f"Version {goal.version} answers all requests on {goal.target} instead of version {live.version}, at once and "
        "without a new rollout."
    )
    yield _of_data(live, goal)
    if goal.image and goal.image != live.image:
        yield "It runs from the image that was made and verified for it then."
    under_way = _rollout(ledger, live)
    if under_way:
        yield under_way
    yield f"Version {live.version} is not released again by itself: only a person brings it back, by its name."


def _of_data(live: Champion, goal: Champion) -> str:
    told = f"it learned from data up to {clock.told(goal.data_cut_off)}, version {live.version} from data up to "
    told += clock.told(live.data_cut_off)
    if goal.data_cut_off == live.data_cut_off:
        return f"The data stays as old as it is: both versions learned from data up to {clock.told(goal.data_cut_off)}."
    word = "older" if goal.data_cut_off < live.data_cut_off else "newer"
    return f"The data gets {word} by {lasting(abs(live.data_cut_off - goal.data_cut_off))}: {told}."


def _rollout(ledger: Ledger, live: Champion) -> str:
    """Return which rollout would be cut off; "" where none is under way."""
    run = ledger.holder(live.pipeline, live.target)
    if not run:
        return ""
    climbing = next(iter(ledger.entries(live.pipeline, hand_over.CERTIFIED, run_id=run, limit=1)), None)
    of = f" of version {climbing.payload['version']}" if climbing else ""
    return f"The rollout{of} that is under way is cut off, and ends as refused."


def _warnings(ledger: Ledger, history: Sequence[Champion], goal: Champion) -> Iterator[str]:
    for after, before in itertools.pairwise(history):
        if before.bundle == goal.bundle and after.kind == "roll_back":
            who, why = after.by or "somebody", quoted(after.reasons[-1] if after.reasons else "")
            yield after_colon(
                f"Version {goal.version} was taken back itself, by {who} at {clock.told(after.recorded_at)}", why
            )
            break
    pause = ledger.paused(goal.pipeline)
    if pause is not None:
        yield f"Releases are paused by {pause.payload['by']}. A roll back is possible all the same."
