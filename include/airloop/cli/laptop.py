"""``serve``, ``up``, ``down`` and ``demo``: everything on this machine."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    panel = "On this machine"
    app.command("serve", rich_help_panel=panel)(_serve)
    app.command("up", rich_help_panel=panel)(_up)
    app.command("down", rich_help_panel=panel)(_down)
    app.command("demo", rich_help_panel=panel)(_demo)


def _serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: AIRLOOP_SERVER's.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Default: AIRLOOP_SERVER's.")] = None,
) -> None:
    """Serve what the ledger says is live, over HTTP, until stopped."""
    from airloop import serving
    from airloop.workspace import Workspace

    workspace = Workspace.from_environment()
    url = urlsplit(workspace.server_url)
    serving.run(host or url.hostname or "127.0.0.1", port or url.port or 80, workspace=workspace)


def _up() -> None:
    """Start Airflow and the model server."""
    from airloop.laptop import stack

    stack.up()


def _down() -> None:
    """Stop what `up` started."""
    from airloop.laptop import stack

    stack.down()


def _demo(
    weeks: Annotated[int | None, typer.Option(min=1, help="Stop after so many. Default: all of the spring.")] = None,
) -> None:
    """Show the whole loop on real flights: train, release, watch, and retrain when the model has become worse."""
    from airloop.cli.screen import quiet
    from airloop.laptop import demo

    with quiet("airloop.data"):
        demo.run(weeks=weeks)
