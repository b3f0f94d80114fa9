"""The real model server in a process of its own, with a home and tokens of its own, that never outlives us."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import airloop
from airloop.bundle import Bundle
from airloop.errors import BundleError, Unreachable
from airloop.serving.client import ServerClient
from airloop.serving.tokens import ADMIN_VARIABLE, INFER_VARIABLE
from airloop.verification.measure import megabytes_of
from airloop.verification.running import Facts, Running

if TYPE_CHECKING:
    from airloop.workspace import Workspace

START_S = 120.0
"""Longest wait for the server to answer."""
STOP_S = 5.0
LOG_LINES = 5
"""Last lines of the server's log that a reason carries."""


@contextmanager
def running_server(workspace: Workspace, bundle: Bundle, *, python: str = sys.executable) -> Iterator[Running]:
    """Give a server with ``bundle`` as champion; the process is gone when the block ends, or when we die.

    Raises BundleError, with the last lines of its log, when it does not come up or refuses the bundle.
    """
    with tempfile.TemporaryDirectory(prefix="airloop-verify-") as scratch:
        home = Path(scratch)
        with (home / "server.log").open("wb") as log:
            started = time.monotonic()
            token = secrets.token_urlsafe(16)
            # The server stops when the writing end closes, which the kernel does even if we are killed.
            reading, writing = os.pipe()
            try:
                process, url = _spawn(workspace, home, token, reading, log, python)
                os.close(reading)
                try:
                    with ServerClient(url, token) as client:
                        _wait(process, client, home / "server.log")
                        _serve(client, bundle)
                    start_s = time.monotonic() - started
                    yield Running(url, token, start_s, lambda: Facts(megabytes_of(process.pid)), process.pid)
                finally:
                    _end(process)
            finally:
                os.close(writing)


def _spawn(
    workspace: Workspace, home: Path, token: str, reading: int, log: IO[bytes], python: str
) -> tuple[subprocess.Popen[bytes], str]:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        descriptor = listening.fileno()
        command = [python, "-m", "airloop.serving", "--no-log", "--no-recall"]
        command += ["--descriptor", str(descriptor), "--until-closed", str(reading)]
        source = str(Path(airloop.__file__).parents[1])
        path = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
        environ = os.environ | {
            "AIRLOOP_HOME": str(home),
            "AIRLOOP_STORE": workspace.store_url,
            ADMIN_VARIABLE: token,
            INFER_VARIABLE: secrets.token_urlsafe(16),
            "PYTHONPATH": path,
        }
        process = subprocess.Popen(  # noqa: S603  # our own module
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(descriptor, reading),
            start_new_session=True,
        )
        return process, f"http://127.0.0.1:{listening.getsockname()[1]}"


def _wait(process: subprocess.Popen[bytes], client: ServerClient, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not client.ready():
        if process.poll() is not None:
            raise BundleError(f"the server died at its start (exit code {process.returncode}): {_last_lines(log)}")
        if time.monotonic() > deadline:
            raise BundleError(f"the server did not answer within {START_S:g} s: {_last_lines(log)}")
        time.sleep(0.02)


def _serve(client: ServerClient, bundle: Bundle) -> None:
    champion = {"bundle": bundle.digest, "version": bundle.version}
    try:
        client.put_state(bundle.pipeline, {"champion": champion})
    except Unreachable as error:
        raise BundleError(f"the server died or hung while it loaded the bundle: {error}") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return " | ".join(lines[-LOG_LINES:]) or "its log is empty"
