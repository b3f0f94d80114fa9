"""Answers ``GET /metrics``, ``/targets`` and ``/health`` over HTTP, each from the same look."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from airloop.errors import AirloopError, Unreachable
from airloop.exporter.families import families
from airloop.exporter.targets import targets

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from airloop.exporter.looking import Look
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_JSON = "application/json"
_PATIENCE_S = 30


class Exporter:
    """The HTTP server on ``host`` and ``port`` (0: any free one). Raises Unreachable where it cannot listen there."""

    def __init__(self, workspace: Workspace, look: Look, host: str, port: int) -> None:
        self._workspace, self._look = workspace, look
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            timeout = _PATIENCE_S

            def do_GET(self) -> None:
                status, kind, body = answer(self.path.partition("?")[0])
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except ConnectionError:
                    log.debug("%s left before the answer", self.client_address[0])

            def log_message(self, format: str, *args: object) -> None:
                log.debug(format, *args)

        try:
            self._http = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise Unreachable(f"metrics cannot be served at {host}:{port}: {error}. Choose another --port") from error
        self._http.daemon_threads = True
        self.url = f"http://{host}:{self._http.server_address[1]}"

    def serve(self) -> None:
        """Answer until the process ends, or ``close`` is called."""
        with self._http:
            self._http.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """End ``serve``."""
        self._http.shutdown()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Return status, content type and body for ``path``."""
        match path:
            case "/metrics":
                return HTTPStatus.OK, _TEXT, self._metrics()
            case "/targets":
                return self._targets()
            case "/health":
                return HTTPStatus.OK, _JSON, b'{"alive": true}'
        return HTTPStatus.NOT_FOUND, _JSON, b'{"error": "try /metrics, /targets or /health"}'

    def _metrics(self) -> bytes:
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(_Once(self._look))
        return generate_latest(registry)

    def _targets(self) -> tuple[HTTPStatus, str, bytes]:
        try:
            found = targets(self._workspace, self._look.facts())
        except AirloopError as error:
            # Prometheus goes on with the servers it knows when the answer is not 200.
            return HTTPStatus.SERVICE_UNAVAILABLE, _JSON, json.dumps({"error": str(error)}).encode()
        return HTTPStatus.OK, _JSON, json.dumps(found).encode()


class _Once:
    """A collector of one answer."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        return families(self._look.facts())
