"""What a server in a container must not be able to do: a pure decision with its reasons."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from airloop.engine.server_container import SCRATCH, SOCKETS

ALLOWED = (SOCKETS, SCRATCH, "/dev/mqueue")
"""Where a server under verification may write: its socket, its scratch folder, and the kernel's message queues."""
SHOWN = 3
"""Paths that a reason names."""


class Seen(msgspec.Struct, frozen=True):
    """What ``probe`` saw inside the container."""

    users: tuple[int, ...]
    """Real, effective, saved and file system user ids."""
    capabilities: tuple[str, ...]
    """The different sets that it has or could get, hexadecimal."""
    gains_privileges: bool
    interfaces: tuple[str, ...]
    """Of the network, other than the loopback."""
    writable: tuple[str, ...]
    """Topmost folders and files that can be written."""


def problems(seen: Seen) -> tuple[str, ...]:
    """Return what is wrong, empty when the server is as confined as it must be."""
    return tuple(_problems(seen))


def _problems(seen: Seen) -> Iterator[str]:
    if 0 in seen.users:
        yield "the server runs as root"
    held = [given for given in seen.capabilities if int(given, 16)]
    if held:
        yield f"the server holds or could get capabilities ({', '.join(held)})"
    if seen.gains_privileges:
        yield "the server could gain privileges by running a set-user-ID program"
    if seen.interfaces:
        yield f"the server reaches a network, by {', '.join(seen.interfaces)}"
    others = [path for path in seen.writable if not _is_allowed(path)]
    if others:
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        yield f"the server can write {', '.join(others[:SHOWN])}{more}; only {' and '.join(ALLOWED[:2])} are allowed"


def _is_allowed(path: str) -> bool:
    return any(path == allowed or path.startswith(f"{allowed}/") for allowed in ALLOWED)
