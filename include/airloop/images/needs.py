"""What a target needs before an image is made for it: told before the work, not after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airloop.errors import ImageError

if TYPE_CHECKING:
    from airloop.workspace import Workspace

PULLED = ("kubernetes",)
"""Targets whose machines pull their images."""


def refuse_without_registry(workspace: Workspace, target: str) -> None:
    """Raise ImageError where ``target`` pulls images and the workspace has no registry to pull them from."""
    if target in PULLED and not workspace.registry:
        raise ImageError(
            f"{target} pulls images from a registry, and none is set: set AIRLOOP_REGISTRY, for example "
            "registry.example.com/models"
        )
