"""uvicorn's HTTP protocol with a shorter way for the commonest request: a prediction whose body came in one piece.

It is answered where it was read: no ASGI scope, task, or event. Everything else (other paths, bodies in pieces, clients
that read slowly, requests behind one that is not answered yet) goes uvicorn's usual way, with the same results.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from airloop.serving.http import refusal_body, refusal_headers
from airloop.serving.infer import MANY_ROWS, Asked, Inference
from airloop.serving.refusal import Refusal

if TYPE_CHECKING:
    from airloop.serving.app import App
    from airloop.serving.metrics import Metrics

log = logging.getLogger(__name__)

Array = np.ndarray[Any, Any]
FAILED = "the server failed on this request; its log says why"


class Direct(HttpToolsProtocol):
    """One connection. ``app``, ``inference`` and ``metrics`` are set by ``protocol_of``."""

    application: App
    inference: Inference
    metrics: Metrics

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._name: str | None = None
        """The model asked for while a request on the short way is being read."""
        self._body = b""
        self._waiting: Asked | None = None
        """The request that is being predicted."""
        self._keeps_alive = True
        self._shuts_down = False

    def data_received(self, data: bytes) -> None:
        """Take what was read; a request whose body is not complete yet goes the usual way."""
        super().data_received(data)
        if self._name is not None and not self.transport.is_closing():
            self._name = None
            self._take_usual_way()

    def on_message_begin(self) -> None:
        """A request begins; one before it that is being predicted is answered first."""
        if self._waiting is not None:
            self._waiting.slot.loaded.batch.flush()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Decide which way the request goes."""
        is_free = self.cycle is None or self.cycle.response_complete
        name = self.application.infer_paths.get(self.url)
        if name is None or not is_free or self._is_special():
            super().on_headers_complete()
            return
        self._name, self._body = name, b""

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        if self._name is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer a request on the short way."""
        if self._name is None:
            super().on_message_complete()
            return
        name, self._name = self._name, None
        self._keeps_alive = self.parser.should_keep_alive()
        try:
            asked = self._ask(name)
            if asked.request.rows > MANY_ROWS:
                self._take_usual_way()
                super().on_message_complete()
                return
        except Refusal as refusal:
            self._refuse(refusal)
            return
        except Exception:  # Nothing may escape into the parser, which would call it a mistake of the client.
            log.exception("POST %s failed", self.url)
            self._refuse(Refusal(500, FAILED))
            return
        self.metrics.in_flight += 1
        self._waiting = asked
        self.inference.predict(asked, self._answer)
        if self._waiting is not None and len(self.connections) == 1:
            asked.slot.loaded.batch.flush()  # There is nobody to be answered together with.

    def shutdown(self) -> None:
        """Close, once the request that is being predicted is answered."""
        if self._waiting is not None:
            self._shuts_down = True
        else:
            super().shutdown()

    def _is_special(self) -> bool:
        return bool(
            self.parser.get_method() != b"POST"
            or self.parser.get_http_version() != "1.1"
            or self.parser.should_upgrade()
            or self.expect_100_continue
            or self.flow.write_paused
        )

    def _take_usual_way(self) -> None:
        super().on_headers_complete()
        if self._body:
            super().on_body(self._body)

    def _ask(self, name: str) -> Asked:
        head = self.application.read_head(self.headers, self.server)
        self.application.authorize_infer(head)
        self.application.bodies.check_length(len(self._body))
        return self.inference.begin(self.application.pipeline(name), name, None, head, self._body)

    def _answer(self, answers: Array | Exception) -> None:
        asked, self._waiting = cast("Asked", self._waiting), None
        self.metrics.in_flight -= 1
        try:
            self._write(200, self.inference.end(asked, answers))
        except Refusal as refusal:
            self._refuse(refusal)
        except Exception:  # As above: the other requests of the batch must get their answers.
            log.exception("POST %s failed", self.url)
            self._refuse(Refusal(500, FAILED))

    def _refuse(self, refusal: Refusal) -> None:
        self._write(refusal.status, refusal_body(refusal), refusal_headers(refusal))

    def _write(self, status: int, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        closes = self._shuts_down or not self._keeps_alive or "connection" in headers
        lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % line for line in self.server_state.default_headers)]
        lines += [b"%b: %b\r\n" % (name.encode(), value.encode()) for name, value in headers.items()]
        if closes and "connection" not in headers:
            lines.append(b"connection: close\r\n")
        lines.append(b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        self.transport.write(b"".join(lines))
        if closes:
            self.transport.close()
        else:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )


def protocol_of(application: App, inference: Inference, metrics: Metrics) -> type[Direct]:
    """Return the protocol class that uvicorn makes one of for each connection."""
    return type("Direct", (Direct,), {"application": application, "inference": inference, "metrics": metrics})
