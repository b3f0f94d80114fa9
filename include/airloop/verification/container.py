"""The very image that will ship, run as it will run; its container is gone afterwards, whatever happens."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from airloop import images
from airloop.engine import connected, server_container
from airloop.errors import BundleError, Unreachable
from airloop.gateway import Gateway
from airloop.serving.tokens import Tokens
from airloop.spec.fields import format_size
from airloop.verification import confinement, leftovers
from airloop.verification.running import Facts, Running, Silent
from airloop.verification.shipping import refuse_unless_of

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container
    from docker.models.images import Image

    from airloop.bundle import Bundle
    from airloop.serving.client import ServerClient
    from airloop.spec.model import Serving
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

START_S = 120.0
"""Longest wait for the server to answer."""
PROBE = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
TOLD_TO = (0, 128 + 9, 128 + 15)
"""Exit codes of a server that somebody stopped."""
LOG_LINES = 5
"""Last lines of the server's log that a reason carries."""


@contextmanager
def running_container(workspace: Workspace, serving: Serving, bundle: Bundle, image: str) -> Iterator[Running]:
    """Give a server that runs ``image`` by its digest, with production's limits; it is gone when the block ends.

    When we are killed its standard input closes and it stops; what then is left of it the next verification sweeps.
    Raises BundleError, with the last lines of its log, when it does not come up, ImageError when the image is missing
    or is not this bundle's, and Unreachable when the engine or the gateway does not answer.
    """
    images.ready(workspace, image)
    with connected() as client:
        leftovers.sweep(client, workspace)
        gateway = Gateway(workspace, client)
        gateway.ensure()
        about = client.images.get(image)
        refuse_unless_of(bundle, image, about.attrs["Config"])
        granted = Tokens(secrets.token_urlsafe(16), secrets.token_urlsafe(16))
        name = f"{workspace.prefix}-verify-{secrets.token_hex(6)}"
        with _container(client, workspace, serving, bundle, image, name, granted) as container:
            started = time.monotonic()
            container.start()
            with gateway.server(name, granted.admin) as server:
                _wait(container, server, serving)
                start_s = time.monotonic() - started
                try:
                    yield Running(server.url, granted.admin, start_s, lambda: _facts(container, about))
                except Silent as error:
                    raise _cause(container, serving, error) from error


@contextmanager
def _container(
    client: docker.DockerClient,
    workspace: Workspace,
    serving: Serving,
    bundle: Bundle,
    image: str,
    name: str,
    granted: Tokens,
) -> Iterator[Container]:
    server = server_container.Server(name, bundle.pipeline, bundle.version, bundle.digest, image)
    given = server_container.arguments(workspace, serving, server, granted, role="verification")
    given["command"] += ["--until-closed", "0"]
    container = client.containers.create(**given, stdin_open=True)
    try:
        # The engine closes the server's standard input when this connection ends, as it does even if we are killed.
        holding = container.attach_socket(params={"stdin": 1, "stream": 1})
        connection = getattr(holding, "_sock", holding)
        try:
            yield container
        finally:
            # docker-py's file and the connection under it: either alone would leave it open.
            holding.close()
            connection.close()
    finally:
        leftovers.remove(container)


def _wait(container: Container, server: ServerClient, serving: Serving) -> None:
    deadline = time.monotonic() + START_S
    while not server.ready():
        container.reload()
        if container.status not in ("created", "running"):
            raise _death(container, serving, "at its start")
        if time.monotonic() > deadline:
            raise BundleError(f"the server did not answer within {START_S:g} s: {_last_lines(container)}")
        time.sleep(0.02)


def _cause(container: Container, serving: Serving, silence: Silent) -> BundleError | Unreachable:
    """Return why a server fell silent: its own fault, or that of what is around it, which is no verdict."""
    container.reload()
    if container.status == "running":
        return Unreachable(f"{silence}. It still runs: was the gateway stopped? Try again")
    return _death(container, serving, "while it was asked")


def _death(container: Container, serving: Serving, when: str) -> BundleError | Unreachable:
    state = container.attrs["State"]
    why = f"exit code {state['ExitCode']}"
    if state.get("OOMKilled"):
        why = f"it needed more memory than serving.memory allows, {format_size(serving.memory)}"
    elif state["ExitCode"] in TOLD_TO:
        return Unreachable(
            f"the server was stopped {when} ({why}), not by itself: by the engine, or by hand? Try again"
        )
    return BundleError(f"the server died {when} ({why}): {_last_lines(container)}")


def _last_lines(container: Container) -> str:
    lines = container.logs(tail=LOG_LINES).decode(errors="replace").strip().splitlines()
    return " | ".join(lines) or "its log is empty"


def _facts(container: Container, about: Image) -> Facts:
    """Return what the engine, and the container from its inside, say about a server."""
    ended, said = container.exec_run(["python", "-I", "-c", PROBE])
    if ended:
        raise BundleError(
            f"the container cannot be looked into (exit code {ended}): {said[-300:].decode(errors='replace')}"
        )
    seen = msgspec.json.decode(said, type=confinement.Seen)
    return Facts(
        memory_mb=_memory_mb(container.client.api.stats(container.id, stream=False, one_shot=True)),
        image_mb=about.attrs["Size"] / 1e6,
        user=str(seen.users[1]),
        writable=seen.writable,
        problems=confinement.problems(seen),
    )


def _memory_mb(stats: dict[str, Any]) -> float:
    """Return what counts against the limit, less the files that the kernel only remembers (cgroup versions 1 and 2)."""
    memory = stats["memory_stats"]
    details = memory.get("stats", {})
    forgotten = details.get("total_inactive_file", details.get("inactive_file", 0))
    return max(0.0, float(memory.get("usage", 0) - forgotten) / 1e6)
