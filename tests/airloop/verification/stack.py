"""A stack of the tests' own on the Docker engine, removed with all that it made."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

from airloop.workspace import Workspace


@contextlib.contextmanager
def own_stack(home: Path) -> Iterator[Workspace]:
    """Give a workspace with a prefix and ports that nobody else has."""
    with contextlib.ExitStack() as taken:
        doors = [taken.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(2)]
    workspace = Workspace.from_environment(
        {
            "AIRLOOP_HOME": str(home),
            "AIRLOOP_PREFIX": f"airloop-t-{secrets.token_hex(4)}",
            "AIRLOOP_GATEWAY": f"http://127.0.0.1:{doors[0]}",
            "AIRLOOP_GATEWAY_ADMIN": f"http://127.0.0.1:{doors[1]}",
        }
    )
    try:
        yield workspace
    finally:
        remove_all(workspace.prefix)


def containers(prefix: str, role: str = "") -> dict[str, str]:
    """Return name → status of a stack's containers."""
    import docker

    wanted = [f"dev.airloop.stack={prefix}", *([f"dev.airloop.role={role}"] if role else [])]
    with contextlib.closing(docker.from_env()) as client:
        found = client.containers.list(all=True, filters={"label": wanted}, ignore_removed=True)
        return {container.name: container.status for container in found}


def remove_all(prefix: str) -> None:
    """Remove a stack's containers, volumes and images."""
    import docker

    with contextlib.closing(docker.from_env()) as client:
        for name in containers(prefix):
            client.containers.get(name).remove(force=True, v=True)
        for volume in client.volumes.list():
            if volume.name.startswith(f"{prefix}-"):
                volume.remove(force=True)
        for image in client.images.list():
            for tag in image.tags:
                if tag.startswith(f"{prefix}/"):
                    client.images.remove(tag, force=True)
