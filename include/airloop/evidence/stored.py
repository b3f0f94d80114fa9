"""What lies in the store, measured now: one digest for all bytes of an artifact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airloop import digest
from airloop.errors import EvidenceError
from airloop.store import MANIFEST

if TYPE_CHECKING:
    from airloop.workspace import Workspace


class Gone(EvidenceError):
    """What the evidence names is not there any more."""


def folder_of(workspace: Workspace, kind: str, name: str) -> Path:
    """Return the artifact's folder, its bytes as they were written.

    Raises Gone when it is not there, EvidenceError naming the files that changed since, Unreachable.
    """
    try:
        folder = workspace.store.folder(kind, name)
    except FileNotFoundError:
        raise Gone(f"{kind}/{name[:12]} is not in the store at {workspace.store.url}") from None
    altered = workspace.store.altered_files(kind, name)
    if altered:
        raise EvidenceError(f"{kind}/{name[:12]} is altered: {', '.join(altered)}")
    return folder


def content_of(folder: Path) -> str:
    """Return the SHA-256 (hex) of all paths and bytes below ``folder`` but the store's own list."""
    files = digest.files_of(folder)
    files.pop(MANIFEST, None)
    return digest.of_value(files)
