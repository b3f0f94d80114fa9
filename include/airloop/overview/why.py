"""Why something is as it is: one answer in plain words, with the evidence behind it."""

from __future__ import annotations

from airloop.errors import UnknownName
from airloop.overview import why_candidate, why_release, why_run, why_window
from airloop.overview.facts import of_version
from airloop.overview.shapes import Why
from airloop.release.history import Row, history
from airloop.workspace import Workspace


def why(
    workspace: Workspace,
    name: str,
    *,
    version: str = "",
    generation: int = 0,
    target: str = "",
    window: str = "",
    run: str = "",
    task: str = "",
) -> Why:
    """Return the answer about a window, a run with one of its tasks, a generation or a version; else what is live.

    Raises UnknownName, naming the nearest there is, for what nothing is known of. A run is an exception: what only
    Airflow knows of is no mistake, so the answer says that the ledger knows nothing.
    """
    if window:
        return why_window.about(workspace, name, window)
    if run:
        return why_run.about(workspace, name, run, task)
    rows = history(workspace, name)
    if generation:
        return why_release.about(workspace, name, _of_generation(name, rows, generation, target))
    if version:
        return _of_version(workspace, name, rows, version)
    live = next((row for row in rows if row.is_live and target in ("", row.champion.target)), None)
    if live is not None:
        return why_release.about(workspace, name, live)
    newest = next(iter(workspace.ledger.entries(name, "verdict", limit=1)), None)
    if newest is None:
        raise UnknownName(f"{name}: nothing was ever judged or released, so there is nothing to explain yet")
    return _of_version(workspace, name, rows, str(newest.payload.get("version", "")))


def _of_version(workspace: Workspace, name: str, rows: list[Row], version: str) -> Why:
    row = next((row for row in rows if row.champion.version == version), None)
    if row is not None:
        return why_release.about(workspace, name, row)
    return why_candidate.about(workspace, of_version(workspace.ledger, name, version), name)


def _of_generation(name: str, rows: list[Row], generation: int, target: str) -> Row:
    of_target = [row for row in rows if target in ("", row.champion.target)]
    found = next((row for row in of_target if row.champion.generation == generation), None)
    if found is not None:
        return found
    on = f" on {target}" if target else ""
    if not of_target:
        raise UnknownName(f"{name}: nothing was ever live{on}")
    newest = max(row.champion.generation for row in of_target)
    raise UnknownName(f"{name}: there is no generation {generation}{on}. Known: 1 to {newest}.")
