"""What a gateway needs before it can start: volumes with the right owners, and a configuration."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airloop import engine
from airloop.engine import server_container
from airloop.gateway import configuration, files
from airloop.gateway.container import FILE, FOLDER, USER, image, mount, volume
from airloop.gateway.files import Entry

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

    from airloop.workspace import Workspace

SETUP_S = 60.0
"""A container of another process that sets up, older than this, was left by one that was killed."""


def prepare(workspace: Workspace, client: DockerClient) -> None:
    """Make the volumes, and a first configuration where there is none; done already, this changes nothing."""
    with setting_up(workspace, client):
        pass


@contextmanager
def setting_up(workspace: Workspace, client: DockerClient) -> Iterator[Container]:
    """Give a container that is never started, with the prepared volumes; one process at a time has it."""
    hands = _hands(workspace, client)
    try:
        folders = [Entry("run/airloop", 0o3777, owner=USER), Entry("var/lib/airloop", 0o3777, owner=USER)]
        files.put(hands, "/", *folders, Entry(FOLDER[1:], 0o755))
        if files.get(hands, f"{FOLDER}/{FILE}") is None:
            text = configuration.render({}, stack=workspace.prefix)
            files.put(hands, FOLDER, Entry(FILE, 0o644, text.encode()))
        yield hands
    finally:
        hands.remove(force=True)


def _hands(workspace: Workspace, client: DockerClient) -> Container:
    """Return a new container under the one name that everybody takes who sets up."""
    from docker.errors import APIError, NotFound

    name = f"{volume(workspace)}-setup"
    given = engine.labels(workspace, "setup")
    places = {
        volume(workspace): FOLDER,
        server_container.sockets_of(workspace): server_container.SOCKETS,
        server_container.journals_of(workspace): server_container.HOME,
    }
    for each in places:
        client.volumes.create(each, labels=engine.labels(workspace, "gateway"))
    mounts = [mount(source, target) for source, target in places.items()]
    until = time.monotonic() + SETUP_S
    while True:
        try:
            made: Container = client.containers.create(
                image(client),
                ["true"],
                name=name,
                labels=given,
                mounts=mounts,
                network_mode="none",
                use_config_proxy=False,
            )
            return made
        except APIError as error:
            if error.status_code != 409 or time.monotonic() > until:
                raise
        try:
            other = client.containers.get(name)
            if _age_s(other) > SETUP_S:
                other.remove(force=True)
        except NotFound:
            continue
        time.sleep(0.1 + secrets.randbelow(100) / 1e3)


def _age_s(container: Container) -> float:
    created = datetime.fromisoformat(re.sub(r"\.\d+", "", container.attrs["Created"]))
    return (datetime.now(UTC) - created).total_seconds()  # of the engine's containers: no run's clock
