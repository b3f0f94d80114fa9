"""Ports of the stack: asked for by name, or free ones."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from airloop.errors import AirloopError

HOST = "127.0.0.1"


class PortTaken(AirloopError):
    """Something else already listens on the port that was asked for."""


def choose(environ: Mapping[str, str], variable: str, default: int, purpose: str) -> int:
    """Return the port in ``variable``, else ``default`` where it is free, else any free one.

    Raises PortTaken when a port that was asked for is taken or is no port.
    """
    asked = environ.get(variable, "")
    if not asked:
        return default if is_free(default) else any_free()
    if not asked.isdecimal() or not 0 < int(asked) < 65536:
        raise PortTaken(f"{variable}={asked}: {purpose} needs a port from 1 to 65535")
    if not is_free(int(asked)):
        raise PortTaken(
            f"{variable}={asked}: port {asked} for {purpose} is taken by another process. "
            f"Set {variable} to a free port, or unset it and a free one is found."
        )
    return int(asked)


def is_free(port: int) -> bool:
    """Return whether this machine lets us listen on ``port``."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def any_free() -> int:
    """Return a free port that the system picks."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
