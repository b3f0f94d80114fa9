"""A server that was started on a bundle, and what can be seen of it from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from airloop.errors import BundleError, Unreachable
from airloop.serving.client import ServerClient
from airloop.serving.refusal import Refusal

GATEWAY_S_OWN = (502, 503, 504)
"""Answers by which a gateway says that it does not reach the server; a server's own mistake is a 500."""


class Silent(BundleError):
    """The server does not answer any more, which need not be its fault."""


@dataclass(frozen=True)
class Facts:
    """What a server is and may do; megabytes of 1,000,000 bytes, 0 where they are not known."""

    memory_mb: float = 0.0
    image_mb: float = 0.0
    user: str = ""
    """Its user id, where it runs in a container."""
    writable: tuple[str, ...] = ()
    """The topmost paths that it can write."""
    problems: tuple[str, ...] = ()
    """Why it must not ship like this."""


@dataclass(frozen=True)
class Running:
    """A server that serves the bundle."""

    url: str
    token: str
    start_s: float
    """From starting it until it served the bundle."""
    facts: Callable[[], Facts]
    pid: int = 0
    """Of its process, where that is on this machine."""
    door: Callable[[], ServerClient] | None = None
    """Makes a client that takes another way than the URL; what lies on that way is no part of the server's latency."""

    def client(self) -> ServerClient:
        """Return a client of its own, to be closed."""
        return self.door() if self.door else ServerClient(self.url, self.token)


@contextmanager
def golden_rows() -> Iterator[None]:
    """Turn a server's refusal of a golden row into BundleError, and no answer into Silent."""
    try:
        yield
    except Refusal as error:
        kind = Silent if error.status in GATEWAY_S_OWN else BundleError
        raise kind(f"the server refuses golden rows: {error}") from error
    except Unreachable as error:
        raise Silent(f"the server stopped answering golden rows: {error}") from error
