"""A running Airflow with a finished demo, and its users: one of each role."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from airloop.bundle import open_bundle
from airloop.laptop import control, ports
from airloop.laptop.airflow_api import AirflowApi
from airloop.ledger import Ledger
from airloop.ledger.rows import Entry
from airloop.serving.client import ServerClient
from airloop.serving.tokens import read_or_make
from airloop.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[2]
USERS = {"ada": "admin", "olga": "op", "ursula": "user", "victor": "viewer"}
"""Name → role."""
OF_ROLE = {role: name for name, role in USERS.items()}
ACTING = ("user", "op", "admin")
"""Roles that Airflow lets trigger a DAG."""


@dataclass
class Site:
    """The running stack, and what tests ask of it."""

    stack: control.Stack
    environ: dict[str, str]
    passwords: dict[str, str]
    connections: ExitStack

    @property
    def url(self) -> str:
        return self.stack.airflow_url

    @cached_property
    def api(self) -> AirflowApi:
        """Airflow's API as the admin."""
        api = AirflowApi(self.url, OF_ROLE["admin"], self.passwords[OF_ROLE["admin"]])
        return self.connections.enter_context(api)

    def ask_without_login(self, method: str, path: str, body: Any) -> int:
        """Send a request below Airflow's address as nobody, and return the answer's status."""
        return httpx.request(method, f"{self.url}{path}", json=body, timeout=60, trust_env=False).status_code

    @cached_property
    def workspace(self) -> Workspace:
        return Workspace.from_environment(self.environ)

    @property
    def ledger(self) -> Ledger:
        return self.workspace.ledger

    def entries(self, pipeline: str, kind: str) -> list[Entry]:
        """Return a pipeline's entries of a kind."""
        return list(self.ledger.entries(pipeline, kind=kind, limit=1000))

    def logged(self, event: str, dag_id: str, since: str) -> list[dict[str, Any]]:
        """Return what Airflow's audit log has of an event on a DAG since an instant."""
        asked = {"event": event, "dag_id": dag_id, "after": since, "limit": 100}
        return list(self.api.request("GET", "/eventLogs", params=asked)["event_logs"])

    def until(self, is_true: Callable[[], Any], what: str, *, timeout_s: float = 90) -> Any:
        """Wait until something is so, and return it."""
        return until(is_true, what, timeout_s=timeout_s)


def until(is_true: Callable[[], Any], what: str, *, timeout_s: float = 90) -> Any:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + timeout_s
    while not (value := is_true()):
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.3)
    return value


@contextmanager
def running(home: Path) -> Iterator[Site]:
    """Give a stack that serves from ``home``, with a user of each role; it ends with the block or this process."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "AIRLOOP_"))},
        "AIRLOOP_HOME": str(home),
        "AIRLOOP_PIPELINES": str(PROJECT / "include" / "pipelines"),
        "AIRLOOP_AIRFLOW_PORT": str(ports.any_free()),
        "AIRLOOP_SERVER_PORT": str(ports.any_free()),
        "AIRLOOP_AIRFLOW_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
    }
    stack = control.up(environ=environ, ends_with=os.getpid())
    try:
        passwords = json.loads((home / "secrets" / "airflow_passwords.json").read_text(encoding="utf-8"))
        with ExitStack() as connections:
            yield Site(stack, environ | {"AIRLOOP_SERVER": stack.server_url}, passwords, connections)
    finally:
        control.down(home)


@contextmanager
def requests(running: Site) -> Iterator[None]:
    """Ask the model for predictions all the time."""
    with requests_to(running.workspace, "flight_delays"):
        yield


@contextmanager
def requests_to(workspace: Workspace, pipeline: str) -> Iterator[None]:
    """Ask the server of a workspace for predictions all the time."""
    champion = workspace.ledger.live(pipeline, "local")
    assert champion is not None, f"{pipeline}: nothing was released"
    golden = open_bundle(workspace, champion.bundle).golden.inputs
    row, stopped = {name: values[0] for name, values in golden.items()}, threading.Event()

    def ask() -> None:
        with ServerClient(workspace.server_url, read_or_make(workspace.home).infer) as server:
            while not stopped.wait(0.05):
                server.infer(pipeline, row)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        yield
    finally:
        stopped.set()
        asking.join(30)


def page_of(path: str) -> str:
    """Return the address of one of Airloop's pages; ``path`` begins with a slash."""
    return f"/airloop/ui{path}"
