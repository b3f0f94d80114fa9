"""A real nginx before small servers in containers, all under a prefix of its own and gone afterwards."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from airloop import engine
from airloop.gateway import Gateway, Upstream
from airloop.workspace import Workspace

IMAGE = "python:3.11-slim-bookworm"
SERVER = Path(__file__).with_name("answering.py").read_text(encoding="utf-8")


@dataclass
class Stack:
    """A gateway and what it leads to."""

    workspace: Workspace
    client: Any
    gateway: Gateway

    @property
    def container(self) -> Any:
        return self.client.containers.get(f"{self.workspace.prefix}-gateway")

    def serve(self, name: str, version: str = "1", *, status: int = 200) -> Upstream:
        """Start a server that answers everything with ``status``, and return it as an upstream."""
        server = f"{self.workspace.prefix}-{name}"
        self.client.containers.run(
            IMAGE,
            ["python", "-c", SERVER, server, str(status)],
            name=server,
            labels=engine.labels(self.workspace, "server"),
            volumes={f"{self.workspace.prefix}-sockets": {"bind": "/run/airloop", "mode": "rw"}},
            network_mode="none",
            user="1234:1234",
            detach=True,
        )
        with self.gateway.server(server, "x") as asked:
            for _ in range(200):
                if asked.ready():
                    break
                time.sleep(0.05)
        return Upstream(server, f"bundle-{name}", version)

    def ask(self, path: str = "/v2/models/flights/infer", body: bytes = b"{}", **headers: str) -> tuple[int, dict]:
        """Return status and JSON of an answer, asked on a connection of its own."""
        with closing(http.client.HTTPConnection(urlsplit(self.workspace.gateway_url).netloc, timeout=60)) as asking:
            asking.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = asking.getresponse()
            return answer.status, json.loads(answer.read())

    def answered_by(self, **headers: str) -> str:
        """Return the name of the server that answered, without the prefix."""
        status, said = self.ask(**headers)
        assert status == 200, said
        return said["server"].removeprefix(f"{self.workspace.prefix}-")

    def seen_by(self, upstream: Upstream) -> list[dict]:
        """Return what a server was asked for a prediction: headers and body."""
        door = urlsplit(self.workspace.gateway_admin_url).netloc
        with closing(http.client.HTTPConnection(door, timeout=60)) as asking:
            asking.request("GET", f"/-/{upstream.server}/seen")
            return json.loads(asking.getresponse().read())["seen"]

    def end(self) -> None:
        """Remove everything that carries the prefix."""
        wanted = {"label": f"dev.airloop.stack={self.workspace.prefix}"}
        for container in self.client.containers.list(all=True, filters=wanted, ignore_removed=True):
            container.remove(force=True)
        for volume in self.client.volumes.list(filters=wanted):
            volume.remove()


def new_stack(home: Path, client: Any, **given: str) -> Stack:
    """Return a stack of which nothing is there yet, on free ports."""
    with ExitStack() as held:
        ports = [held.enter_context(closing(socket.socket())) for _ in range(2)]
        for port in ports:
            port.bind(("127.0.0.1", 0))
        public, admin = (f"http://127.0.0.1:{port.getsockname()[1]}" for port in ports)
    environ = {
        "AIRLOOP_HOME": str(home),
        "AIRLOOP_PREFIX": f"airloop-t-{secrets.token_hex(4)}",
        "AIRLOOP_GATEWAY": public,
        "AIRLOOP_GATEWAY_ADMIN": admin,
    }
    workspace = Workspace.from_environment(environ | given)
    return Stack(workspace, client, Gateway(workspace, client))


@pytest.fixture(scope="session")
def engine_client() -> Iterator[Any]:
    with engine.connected() as client:
        yield client


@pytest.fixture(scope="session")
def stack(engine_client, tmp_path_factory) -> Iterator[Stack]:
    """One stack for tests that leave it as they found it."""
    made = new_stack(tmp_path_factory.mktemp("home"), engine_client)
    try:
        made.gateway.ensure()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def servers(stack) -> tuple[Upstream, Upstream]:
    """Two servers that answer: version 1 and version 2."""
    return stack.serve("one"), stack.serve("two", "2")


@pytest.fixture
def empty_stack(engine_client, tmp_path) -> Iterator[Stack]:
    """A stack of which nothing is there yet."""
    made = new_stack(tmp_path, engine_client)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def kit():
    """This module: tests are not packages, so they cannot import it."""
    return sys.modules[__name__]
