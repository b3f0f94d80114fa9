"""The little of ASGI that the server needs: reading a bounded body in bounded time, sending JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import msgspec

from airloop.serving.refusal import Refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = b"application/json"
CURL = b"application/x-www-form-urlencoded"
"""What curl says of ``-d``; the body must be JSON all the same."""
OWN = b"x-airloop-authorization"
"""Counts like ``Authorization``, which the API server of a Kubernetes cluster keeps to itself."""
COMPARE = b"x-airloop-compare"
SHADOW = b"x-airloop-shadow"
INSTEAD = b"x-airloop-instead"
"""What a gateway adds to a request and its copy; it lets no client do so."""
CONTENT = b"content"
"""Instead of an id in COMPARE, from a gateway that makes none: the digest of the body is the id."""


class Disconnected(Exception):
    """The client is gone; nobody waits for an answer."""


@dataclass(slots=True)
class Head:
    """What the headers of a request say, as far as it matters here."""

    authorization: bytes = b""
    length: int = 0
    compare: bytes = b""
    """Under which id the answers are kept for a comparison, empty where they are not."""
    is_shadow: bool = False
    """Whether another version answers the client, and this request is a copy."""
    is_instead: bool = False
    """Whether the candidate was asked before and did not answer."""


def read_head(headers: list[tuple[bytes, bytes]]) -> Head:
    """Return the head of a request with a JSON body. Raises Refusal (415) for another kind of body."""
    head = Head()
    for name, value in headers:
        if name == OWN or (name == b"authorization" and not head.authorization):
            head.authorization = value
        elif name == b"content-length":
            head.length = int(value) if value.isdigit() else 0
        elif name == b"content-type":
            if value != JSON and value.partition(b";")[0].strip().lower() not in (JSON, CURL):
                raise Refusal(415, f"content-type {value.decode('latin-1')!r} is not supported; send application/json")
        elif name == b"inference-header-content-length":
            raise Refusal(415, "binary tensors are not supported; send `data` as JSON")
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise Refusal(415, f"content-encoding {value.decode('latin-1')!r} is not supported; send plain JSON")
        elif name == COMPARE:
            head.compare = value
        elif name == SHADOW:
            head.is_shadow = value == b"1"
        elif name == INSTEAD:
            head.is_instead = value == b"1"
    return head


@dataclass
class Bodies:
    """Reads bodies; ``expire`` is called now and then and ends those that take too long."""

    most_bytes: int
    most_s: float
    _waiting: dict[asyncio.Task[Any], float] = field(default_factory=dict)

    async def read(self, head: Head, receive: Receive) -> bytes:
        """Return the whole body. Raises Refusal: 413 when it is too large, 408 when it comes too slowly."""
        self.check_length(head.length)
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._waiting[task] = time.monotonic() + self.most_s
        try:
            message = await receive()
            body: bytes = message.get("body", b"")
            if not message.get("more_body", False) and message["type"] == "http.request":
                return body
            return await self._rest(body, message, receive)
        except asyncio.CancelledError:
            if task in self._waiting:
                raise
            task.uncancel()
            raise Refusal(408, f"the body did not arrive within {self.most_s:g} s") from None
        finally:
            self._waiting.pop(task, None)

    def expire(self) -> None:
        """End the reading of bodies whose time is over."""
        now = time.monotonic()
        for task, deadline in list(self._waiting.items()):
            if now > deadline:
                del self._waiting[task]
                task.cancel()

    async def _rest(self, body: bytes, message: Message, receive: Receive) -> bytes:
        parts, size = [body], len(body)
        while message.get("more_body", False):
            self.check_length(size)
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
        if message["type"] == "http.disconnect":
            raise Disconnected
        self.check_length(size)
        return b"".join(parts)

    def check_length(self, length: int) -> None:
        """Raise Refusal (413) for a body of too many bytes."""
        if length > self.most_bytes:
            raise Refusal(413, f"the body is larger than {self.most_bytes:,} bytes. Send fewer rows in a request")


async def respond(
    send: Send, status: int, body: bytes, kind: bytes = JSON, headers: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Send a whole response."""
    fields = [
        (b"content-type", kind),
        (b"content-length", b"%d" % len(body)),
        *((name.encode(), value.encode()) for name, value in headers.items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def answer(send: Send, body: bytes) -> None:
    """Send a prediction: ``respond`` with status 200, without its generality."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", JSON), length]})
    await send({"type": "http.response.body", "body": body})


def refusal_headers(refusal: Refusal) -> dict[str, str]:
    """Return the headers that go with a refusal."""
    headers = {}
    if refusal.allow:
        headers["allow"] = refusal.allow
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    if refusal.status in (408, 413):
        headers["connection"] = "close"
    return headers


def refusal_body(refusal: Refusal) -> bytes:
    """Return ``{"error": reason}``."""
    return msgspec.json.encode({"error": refusal.reason})


async def refuse(send: Send, refusal: Refusal) -> None:
    """Send a refusal."""
    await respond(send, refusal.status, refusal_body(refusal), headers=refusal_headers(refusal))
