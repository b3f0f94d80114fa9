"""What a server is given wherever it is put, in a container or in a pod: its image's paths, its user, its proof."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airloop.workspace import Workspace

USER = 10001
"""Who a server is, unless somebody else than root owns the store."""
BUNDLE = "/opt/airloop/bundle"
HOME = "/var/lib/airloop"
STORE = "/opt/airloop/store"
"""Where a server finds the prediction log of a store that is a folder or a volume."""
SCRATCH = "/tmp"  # noqa: S108  # the container's own
SHADOW_VARIABLE = "AIRLOOP_SHADOW_PORT"
"""Default of ``--shadow-port``; a variable, which servers of images that do not know it pass over."""
STOP_S = 30
"""How long a server that is told to stop may go on answering what it was asked."""


def folder_of(workspace: Workspace) -> Path | None:
    """Return the store's folder, or None where it is somewhere else than on this machine."""
    scheme, separated, rest = workspace.store_url.partition("://")
    if not separated:
        return Path(workspace.store_url).absolute()
    return Path(rest) if scheme in ("file", "local") else None


def owner_of(workspace: Workspace) -> tuple[int, int]:
    """Return who servers are, user and group: the owner of a store that is a folder, but never root."""
    folder = folder_of(workspace)
    if folder is not None and folder.exists() and folder.stat().st_uid:
        return folder.stat().st_uid, folder.stat().st_gid
    return USER, USER


def make_log(folder: Path, owner: tuple[int, int]) -> None:
    """Make a folder in which ``owner`` can write, as well as all that is in it already where that is ours to say."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.getuid() == 0:
        for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            os.chown(path, *owner)


def proof_of(workspace: Workspace, bundle: str) -> dict[str, str]:
    """Return the variable that tells which shortcuts a server may take; it has no store to look that up in."""
    from airloop.serving import proof

    shown = proof.find(workspace.store, bundle)
    return {} if shown == proof.NONE else {proof.VARIABLE: proof.as_told(bundle, shown)}
