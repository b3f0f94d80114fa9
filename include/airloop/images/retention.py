"""Taking images away that nothing names any more."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from airloop.engine import answering, connected

if TYPE_CHECKING:
    import docker

    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

CONFLICT = 409
"""What the engine answers while a container uses an image."""


def remove(workspace: Workspace, references: Iterable[str]) -> tuple[str, ...]:
    """Remove images, by their references or ids, from the engine; return those that are gone from it.

    One that a container still uses stays, and so do the base, which others share, an image that another stack has
    named too, and what a registry keeps. Raises Unreachable.
    """
    with connected() as client, answering():
        return tuple(reference for reference in references if _is_removed(workspace, client, reference))


def _is_removed(workspace: Workspace, client: docker.DockerClient, reference: str) -> bool:
    from docker import errors

    try:
        image = client.images.get(reference)
        named = [*(image.attrs["RepoTags"] or ()), *(image.attrs["RepoDigests"] or ())]
        ours = [name for name in named if name.startswith(_beginnings(workspace))]
        for name in ours if named else [image.id]:
            client.images.remove(name)
    except errors.ImageNotFound:
        return True
    except errors.APIError as error:
        if error.status_code != CONFLICT:
            raise
        log.info("image %s stays for now: %s", reference, error.explanation)
        return False
    return not named or len(ours) == len(named)


def _beginnings(workspace: Workspace) -> tuple[str, ...]:
    """Return how the names begin that this stack gives images; an image goes with its last name."""
    registry = (f"{workspace.registry}/",) if workspace.registry else ()
    return (f"{workspace.prefix}/", *registry)
