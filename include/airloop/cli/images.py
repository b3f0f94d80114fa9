"""``images``: what must be in a registry before a machine without a Docker engine can package models."""

from __future__ import annotations

from typing import Annotated

import typer

from airloop.cli.screen import emit


def add_to(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("images")(_images)


def _images(
    steps: Annotated[bool, typer.Option(help="Also the image for steps, which takes minutes.")] = True,
) -> None:
    """Make the images that models and steps share, and push them where AIRLOOP_REGISTRY is set."""
    from airloop import images
    from airloop.workspace import Workspace

    emit(images.shared(Workspace.from_environment(), with_steps=steps))
