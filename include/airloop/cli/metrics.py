"""``metrics``: what Prometheus reads of the ledger."""

from __future__ import annotations

import logging
import signal
from typing import Annotated

import typer

log = logging.getLogger(__name__)


def add_to(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("metrics")(_metrics)


def _metrics(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 9109,
    fresh: Annotated[float, typer.Option(min=0, help="Seconds for which one look at the ledger is good.")] = 10.0,
) -> None:
    """Show Prometheus what the ledger knows (`/metrics`) and where the model servers are (`/targets`)."""
    from airloop.exporter import Exporter, Look
    from airloop.workspace import Workspace

    workspace = Workspace.from_environment()
    exporter = Exporter(workspace, Look(workspace, fresh_s=fresh), host, port)
    # In a container this is process 1, which a signal without a handler does not end.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    log.info("metrics at %s/metrics, model servers at %s/targets", exporter.url, exporter.url)
    exporter.serve()


def _end(number: int, frame: object) -> None:
    raise SystemExit(0)
