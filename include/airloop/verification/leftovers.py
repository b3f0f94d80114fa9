"""Containers that verifications leave: their own when they end, and those of runs that died."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from airloop.engine.connection import labels

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

OLD_S = 3600
"""No verification takes as long as this, so nobody needs what is older."""
STOP_S = 3
"""A server that does not stop in this time is ended."""


def sweep(client: docker.DockerClient, workspace: Workspace, *, old_s: float = OLD_S) -> list[str]:
    """Remove what this stack's verifications left that began more than ``old_s`` seconds ago; return the names."""
    mine = [f"{name}={value}" for name, value in labels(workspace, "verification").items()]
    found = client.api.containers(all=True, filters={"label": mine})
    old = [about for about in found if about["Created"] < time.time() - old_s]
    for about in old:
        remove(client.containers.get(about["Id"]))
    names = [about["Names"][0].lstrip("/") for about in old]
    if names:
        log.warning("removed what verifications that died had left: %s", ", ".join(names))
    return names


def remove(container: Container) -> None:
    """Stop and remove a container. Where the engine does not do it now, the next sweep does."""
    import requests
    from docker import errors

    try:
        container.stop(timeout=STOP_S)  # so that it takes its socket away
        container.remove(force=True, v=True)
    except errors.NotFound:
        return
    except (errors.DockerException, requests.RequestException) as error:
        log.warning("%s is left to the next verification: %s", container.name, error)
