"""What a server in a container must not be able to do: a pure decision with its reasons."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from airloop.engine.server_container import HOME, SCRATCH, SOCKETS

ALLOWED = (SOCKETS, SCRATCH, "/dev/mqueue")
"""Where a server under verification may write: its socket, its scratch folder, and the kernel's message queues."""
SHOWN = 3
"""Paths that a reason names."""
ALLOWED_IN_PODS = (SCRATCH, HOME, "/dev/shm", "/dev/mqueue", "/dev/termination-log")  # noqa: S108
"""The same in a pod: its scratch and home folders, which are gone with it, and what the kubelet puts in every pod."""


class Seen(msgspec.Struct, frozen=True):
    """What ``probe`` saw inside the container or pod."""

    users: tuple[int, ...]
    """Real, effective, saved and file system user ids."""
    capabilities: tuple[str, ...]
    """The different sets that it has or could get, hexadecimal."""
    gains_privileges: bool
    interfaces: tuple[str, ...]
    """Of the network, other than the loopback."""
    writable: tuple[str, ...]
    """Topmost folders and files that can be written."""
    has_account: bool = False
    """Whether there is a ServiceAccount's token."""
    age_s: float = 0.0
    """How long the server's process has been running."""
    memory_bytes: int = 0
    """What counts against its limit, less the files that the kernel only remembers; 0 where that is not known."""


def problems(seen: Seen) -> tuple[str, ...]:
    """Return what is wrong, empty when a server in a container is as confined as it must be."""
    return (*_problems(seen, ALLOWED), *_of_network(seen))


def problems_in_pod(seen: Seen) -> tuple[str, ...]:
    """Return the same for a server in a pod, which is asked by network."""
    return tuple(_problems(seen, ALLOWED_IN_PODS))


def _of_network(seen: Seen) -> Iterator[str]:
    if seen.interfaces:
        yield f"the server reaches a network, by {', '.join(seen.interfaces)}"


def _problems(seen: Seen, allowed: tuple[str, ...]) -> Iterator[str]:
    if 0 in seen.users:
        yield "the server runs as root"
    held = [given for given in seen.capabilities if int(given, 16)]
    if held:
        yield f"the server holds or could get capabilities ({', '.join(held)})"
    if seen.gains_privileges:
        yield "the server could gain privileges by running a set-user-ID program"
    if seen.has_account:
        yield "the server could ask the cluster's API: it has a ServiceAccount's token"
    others = [path for path in seen.writable if not _is_allowed(path, allowed)]
    if others:
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        yield f"the server can write {', '.join(others[:SHOWN])}{more}; only {' and '.join(allowed[:2])} are allowed"


def _is_allowed(path: str, allowed: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in allowed)
