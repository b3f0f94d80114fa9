"""The table of models: one row for each pipeline, from its description and what the ledger knows of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from airloop.errors import AirloopError
from airloop.overview.described import Described, descriptions
from airloop.overview.healthy import Wanted, health, is_stale
from airloop.overview.known import Known, known
from airloop.overview.shapes import ModelRow, Models
from airloop.overview.stretches import line

if TYPE_CHECKING:
    from airloop.workspace import Workspace

NOT_KNOWN = "what happened to it is not known: the ledger does not answer"


def models(workspace: Workspace, names: Collection[str] | None, now: datetime) -> Models:
    """Return the rows of ``names`` (None: all that are described), sorted by name.

    A ledger that does not answer is told as ``problem``, and the rows say what their descriptions say. Raises SpecError
    where there is no folder of descriptions.
    """
    described = descriptions(workspace.pipelines).all()
    wanted = {name: described.get(name, Described.gone(name)) for name in sorted(described if names is None else names)}
    try:
        found = _known(workspace, wanted)
    except AirloopError as error:
        return Models(as_of=now, models=tuple(_bare(name, one) for name, one in wanted.items()), problem=str(error))
    return Models(as_of=now, models=tuple(_row(name, one, found[name], now) for name, one in wanted.items()))


def row(workspace: Workspace, name: str, now: datetime) -> ModelRow:
    """Return one pipeline's row. Raises Unreachable and LedgerError."""
    described = descriptions(workspace.pipelines).of(name)
    return _row(name, described, _known(workspace, {name: described})[name], now)


def _known(workspace: Workspace, described: Mapping[str, Described]) -> dict[str, Known]:
    with workspace.ledger.reading() as connection:
        return known(connection, {name: one.spec for name, one in described.items()})


def _row(name: str, described: Described, found: Known, now: datetime) -> ModelRow:
    wanted = _wanted(described)
    how, why = health(found, wanted, now, described.problem)
    bare = _bare(name, described)
    return ModelRow(
        name=name,
        health=how,
        says=why,
        owner=bare.owner,
        description=bare.description,
        tags=bare.tags,
        target=bare.target or (found.champion.target if found.champion else ""),
        champion=found.champion,
        is_stale=is_stale(found, wanted, now),
        verdict=found.verdict,
        drift=found.drift,
        performance=found.performance,
        decision=found.decision,
        pause=found.pause,
    )


def _bare(name: str, described: Described) -> ModelRow:
    """Return what is known of a pipeline without the ledger."""
    spec = described.spec
    if spec is None:
        return ModelRow(name=name, health="broken", says=line(described.problem))
    return ModelRow(
        name=name,
        health="watch",
        says=NOT_KNOWN,
        owner=spec.owner,
        description=spec.description,
        tags=spec.tags,
        target=spec.release.target,
    )


def _wanted(described: Described) -> Wanted | None:
    if described.spec is None:
        return None
    monitor = described.spec.monitor
    return Wanted(
        drift_warn=monitor.drift.warn,
        drift_act=monitor.drift.act,
        fresh_within=monitor.fresh_champion_within,
        schedule=monitor.schedule,
        window=monitor.window,
        wait=monitor.predictions.wait,
    )
