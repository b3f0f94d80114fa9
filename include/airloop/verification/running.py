"""A server that was started on a bundle, and what can be seen of it from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airloop.errors import BundleError

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
