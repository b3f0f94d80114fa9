from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from airloop.cli import main
from airloop.workspace import PROJECT, Workspace


@dataclass(frozen=True)
class Answer:
    """What a command left: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON line on stdout."""
        (line,) = self.out.splitlines()
        return json.loads(line)


@pytest.fixture
def airloop(tmp_path, monkeypatch, capsys):
    """Return a function that runs ``python -m airloop …`` in this process, with empty homes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRLOOP_PIPELINES", str(tmp_path / "pipelines"))
    for name in ("STORE", "LEDGER", "MLFLOW", "SERVER"):
        monkeypatch.delenv(f"AIRLOOP_{name}", raising=False)
    (tmp_path / "pipelines").mkdir()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        written = capsys.readouterr()
        return Answer(int(ended.value.code or 0), written.out, written.err)

    yield run
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def workspace(airloop):
    """Return the workspace that the commands use."""
    return Workspace.from_environment()


@pytest.fixture
def server(tmp_path, airloop, monkeypatch):
    """Run the real model server over the commands' home and return its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("AIRLOOP_SERVER", url)
    environ = {**os.environ, "PYTHONPATH": str(PROJECT / "include")}
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "airloop", "serve"], env=environ, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_ready(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_ready(url, process):
    for _ in range(300):
        assert process.poll() is None, "the server ended"
        try:
            if httpx.get(f"{url}/v2/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not become ready")
