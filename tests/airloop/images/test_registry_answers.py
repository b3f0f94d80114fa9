"""What a registry answers that is not one of the tests' own: whether trying again can help."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest

from airloop.errors import ImageError, Unreachable
from airloop.images.registry import Registry


class _Answering(http.server.BaseHTTPRequestHandler):
    """Has no blob, and answers whoever wants to put one there with ``status``."""

    status = 0

    def do_GET(self) -> None:
        self._say(200)

    def do_HEAD(self) -> None:
        self._say(404)

    def do_POST(self) -> None:
        self._say(self.status)

    def _say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering() -> Iterator[Callable[[int], str]]:
    """Starts a registry that refuses uploads with a status; gives its address."""
    started: list[http.server.ThreadingHTTPServer] = []

    def start(status: int) -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Answering,), {"status": status}))
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        started.append(server)
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 507])
def test_what_may_pass_is_worth_another_try(answering: Callable[[int], str], status: int):
    address = answering(status)
    with pytest.raises(Unreachable, match=rf"registry {address}: POST /v2/flights/blobs/uploads/: {status} "):
        Registry(address).put_blob("flights", b"data")


@pytest.mark.parametrize("status", [400, 404, 405, 413])
def test_what_stays_as_it_is_is_not(answering: Callable[[int], str], status: int):
    address = answering(status)
    with pytest.raises(ImageError, match=rf"registry {address}: POST /v2/flights/blobs/uploads/: {status} "):
        Registry(address).put_blob("flights", b"data")
