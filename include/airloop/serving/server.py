"""The server process: puts the parts together, restores what was live, and stops cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from airloop.errors import Unreachable
from airloop.serving import recall, tokens
from airloop.serving.admin import Admin, last_known
from airloop.serving.app import App
from airloop.serving.http import Bodies, Receive, Scope, Send
from airloop.serving.infer import Inference
from airloop.serving.journal import Journal
from airloop.serving.keeper import Keeper
from airloop.serving.metrics import Metrics
from airloop.serving.shadow import Shadow
from airloop.serving.slot import Loaded, load_folder
from airloop.serving.tokens import Granted
from airloop.workspace import Workspace

log = logging.getLogger(__name__)

DRAIN_S = 30
"""Longest wait for requests that are being answered when the server stops."""
KEEP_ALIVE_S = 75
BACKLOG = 2048
TICK_S = 0.5


@dataclass(frozen=True)
class Limits:
    """What a request may cost, and what the server does beside answering."""

    body_bytes: int = 16_000_000
    """Larger bodies are refused with 413."""
    body_s: float = 10.0
    """Bodies that take longer to arrive are refused with 408."""
    log_every_s: float = 30.0
    """How often the prediction log reaches the store."""


class Process:
    """All parts of one server."""

    def __init__(
        self,
        workspace: Workspace,
        limits: Limits,
        *,
        logs: bool,
        recalls: bool,
        granted: Granted | None = None,
        only: Loaded | None = None,
    ) -> None:
        folder = workspace.home / "serving"
        self._workspace = workspace
        self._recalls = recalls and only is None
        self._known_file = folder / "last_known.json" if self._recalls else None
        self._metrics = Metrics()
        self.journal = Journal(folder / "journal") if logs else None
        self._keeper = (
            Keeper(self.journal, folder / "journal", workspace.store_url, every_s=limits.log_every_s)
            if self.journal
            else None
        )
        self.bodies = Bodies(limits.body_bytes, limits.body_s)
        self.admin = Admin(None if only else workspace.store, self._metrics, self._known_file)
        self.shadow = Shadow()
        self._inference = Inference(self._metrics, self.journal, self.shadow)
        granted = granted or tokens.read_hashes() or tokens.read_or_make(workspace.home)
        flush = self._keeper.flush if self._keeper else None
        self.app = App(granted, self.admin, self._inference, self._metrics, self.journal, self.bodies, flush)
        if only is not None:
            self.admin.serve(only)

    def protocol(self) -> Any:
        """Return what uvicorn speaks HTTP with: the short way where httptools is installed, h11 elsewhere."""
        if importlib.util.find_spec("httptools") is None:
            return "h11"
        from airloop.serving.direct import protocol_of

        return protocol_of(self.app, self._inference, self._metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http":
            await self.app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._working():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        duties = {"restoring what was live": self._restore(), "ending slow bodies": self._tick()}
        if self._keeper:
            duties["writing the prediction log"] = self._keeper.run()
        tasks = [asyncio.create_task(_watched(name, duty)) for name, duty in duties.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._keeper:
                await self._keeper.finish()

    async def _restore(self) -> None:
        if self._recalls:
            await self.admin.restore(await self._champions())
        self.app.is_restored = True

    async def _champions(self) -> dict[str, Any]:
        try:
            return await recall.champions(self._workspace.ledger_url)
        except (Unreachable, OSError, msgspec.DecodeError) as error:
            known = last_known(self._known_file) if self._known_file else {}
            if known:
                log.error("the ledger does not answer, so what was served last is served again: %s", error)
            else:
                log.warning("nothing to serve yet: %s", error)
            return known

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.bodies.expire()


async def _watched(name: str, duty: Coroutine[Any, Any, None]) -> None:
    """Await a duty; one that fails says so instead of being gone."""
    try:
        await duty
    except Exception:  # The edge of a task: nobody else would see it.
        log.exception("%s failed; the server goes on without it", name)


def run(
    host: str = "127.0.0.1",
    port: int = 8800,
    *,
    workspace: Workspace | None = None,
    limits: Limits | None = None,
    logs: bool = True,
    recalls: bool = True,
    descriptor: int | None = None,
    path: Path | None = None,
    only: tuple[Path, str] | None = None,
    shadow_port: int | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was asked, write the log, and return.

    Used instead of ``host`` and ``port``: ``descriptor``, a listening socket of the parent process, or ``path``, where
    a Unix socket is made. ``recalls``: serve what the ledger says is live; ``logs``: keep the prediction log. ``only``
    is the folder and digest of the one bundle to serve, instead of what others say; the socket is there once it is
    loaded. What comes by ``shadow_port``, a second port, is a copy: answered, compared, counted apart, never logged.
    Raises Unreachable when a port or path is taken, BundleError when that bundle cannot be served.
    """
    loaded = load_folder(*only) if only else None
    given = workspace or Workspace.from_environment()
    process = Process(given, limits or Limits(), logs=logs, recalls=recalls, only=loaded)
    listening = [socket.socket(fileno=descriptor) if descriptor is not None else _listen(host, port, path)]
    if shadow_port is not None:
        listening.append(_listen(host, shadow_port, None, "--shadow-port"))
        process.app.shadow_port = shadow_port
    server = uvicorn.Server(_configured(process))
    # uvicorn sends itself the signal again once it has stopped; a clean stop is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    log.info("listening on %s", path or "http://{}:{}".format(*listening[0].getsockname()[:2]))
    try:
        server.run(sockets=listening)
    finally:
        if path is not None:
            path.unlink(missing_ok=True)


def _configured(process: Process) -> uvicorn.Config:
    return uvicorn.Config(
        process,
        loop="uvloop" if importlib.util.find_spec("uvloop") else "asyncio",
        http=process.protocol(),
        ws="none",
        lifespan="on",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )


def _listen(host: str, port: int, path: Path | None, option: str = "--port") -> socket.socket:
    listening = _bound(host, port, option) if path is None else _bound_at(path)
    listening.listen(BACKLOG)
    listening.set_inheritable(False)
    return listening


def _bound(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise Unreachable(f"port {port} on {host} cannot be used: {error}. Choose another one with {option}") from None
    return listening


def _bound_at(path: Path) -> socket.socket:
    """Return a socket bound to ``path``, for all who see it; one that a killed server left there is removed."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            if listening.connect_ex(str(path)) == 0:
                raise OSError("another server listens there")
            path.unlink()
            listening.close()
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(path))
        path.chmod(0o666)  # the volume that it lies in says who sees it
    except OSError as error:
        listening.close()
        raise Unreachable(f"socket {path} cannot be used: {error}. Choose another one with --socket") from None
    return listening
