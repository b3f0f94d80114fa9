"""The model server: several pipelines over the Open Inference Protocol v2, changed through an admin API.

Importing this package imports nothing heavy; ``run`` loads the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from airloop.serving.server import Limits
    from airloop.workspace import Workspace

__all__ = ["run"]


def run(
    host: str = "127.0.0.1",
    port: int = 8800,
    *,
    workspace: Workspace | None = None,
    limits: Limits | None = None,
    logs: bool = True,
    recalls: bool = True,
    descriptor: int | None = None,
    path: Path | None = None,
    only: tuple[Path, str] | None = None,
    shadow_port: int | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; see ``airloop.serving.server.run``."""
    from airloop.serving import server

    server.run(
        host,
        port,
        workspace=workspace,
        limits=limits,
        logs=logs,
        recalls=recalls,
        descriptor=descriptor,
        path=path,
        only=only,
        shadow_port=shadow_port,
    )
