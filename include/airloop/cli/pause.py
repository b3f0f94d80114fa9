"""``pause`` and ``resume``: nothing of a pipeline goes live until a person says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from airloop.cli.arguments import Name
from airloop.cli.run import user
from airloop.cli.screen import console, emit
from airloop.spec import find
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.ledger import Entry

By = Annotated[str, typer.Option(help="Who. Default: the user of this machine.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("pause")(_pause)
    app.command("resume")(_resume)


def plain(pause: Entry | None) -> dict[str, object] | None:
    """Return a pause for JSON."""
    if pause is None:
        return None
    return {"by": pause.payload["by"], "reason": pause.payload["reason"], "since": pause.recorded_at}


def _pause(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, for those who wait for a release; kept in the ledger.")],
    by: By = "",
) -> None:
    """Pause a pipeline's releases: it trains and is judged as ever, but nothing goes live until `resume`."""
    from airloop.ledger import pausing

    workspace, by = Workspace.from_environment(), by or user()
    find(name, workspace)
    pause = workspace.ledger.pause(name, by=by, reason=reason)
    screen = console()
    screen.print(Text(f"{name}: {pausing.told(pause)}"))
    if (pause.payload["by"], pause.payload["reason"]) != (by, reason.strip()):
        screen.print("They were paused already: that pause holds.")
    screen.print(f"`python -m airloop resume {name}` lets them go on. A roll back is possible all the time.")
    emit({"pipeline": name, "pause": plain(pause)}, is_told=True)


def _resume(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; kept in the ledger.")] = "",
    by: By = "",
) -> None:
    """Let a pipeline's releases go live again."""
    workspace = Workspace.from_environment()
    find(name, workspace)
    resumed = workspace.ledger.resume(name, by=by or user(), reason=reason)
    console().print(f"{name}: releases go live again" if resumed else f"{name}: releases were not paused")
    emit({"pipeline": name, "pause": None}, is_told=True)
