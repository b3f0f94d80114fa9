"""The gateway's container: how it is found, made and started; nothing in it that it does not need."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airloop import engine
from airloop.engine import server_container
from airloop.errors import ImageError, Unreachable

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.errors import APIError
    from docker.models.containers import Container

    from airloop.workspace import Workspace

IMAGE_VARIABLE = "AIRLOOP_NGINX_IMAGE"
IMAGE = "nginx:1.28"
FOLDER = "/etc/airloop"
FILE = "nginx.conf"
USER = server_container.USER
PUBLIC_PORT, ADMIN_PORT = 8080, 8081
ENTRYPOINT = ["nginx"]
COMMAND = ["-e", "stderr", "-c", f"{FOLDER}/{FILE}", "-g", "daemon off;"]
HARDENED: dict[str, Any] = {
    "entrypoint": ENTRYPOINT,
    "command": COMMAND,
    "user": f"{USER}:{USER}",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "ipc_mode": "private",
    "pids_limit": 64,
    "mem_limit": "256m",
    "memswap_limit": "256m",
    "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=128m,mode=1777"},  # noqa: S108  # the container's own
    "log_config": {"type": "json-file", "config": {"max-size": "10m", "max-file": "3"}},
    "restart_policy": server_container.RESTARTED,
    "stop_signal": "SIGQUIT",
    "use_config_proxy": False,  # proxies are none of its business, and may carry a password
}
"""nginx alone, as nobody in particular: its configuration, the servers' sockets and a scratch folder."""
_WORDS = ("port is already allocated", "address already in use", "ports are not available")
_TAKEN = re.compile(r"(?:for |listen tcp\d? )(\S+:\d+)")


def volume(workspace: Workspace) -> str:
    """Return the volume that holds the configuration."""
    return f"{workspace.prefix}-gateway"


def find(workspace: Workspace, client: DockerClient) -> Container | None:
    """Return the stack's gateway, running or not, whoever made it; one that runs before others."""
    wanted = [f"{name}={value}" for name, value in engine.labels(workspace, "gateway").items()]
    found = client.containers.list(all=True, filters={"label": wanted}, ignore_removed=True)
    return min(found, key=lambda one: (one.status != "running", one.name), default=None)


def create(workspace: Workspace, client: DockerClient) -> Container:
    """Make the gateway's container and start it. Raises Unreachable when a port of it is taken; none is left then."""
    from docker.errors import DockerException

    mounts = [
        mount(volume(workspace), FOLDER),
        # To connect to a socket is no write.
        mount(server_container.sockets_of(workspace), server_container.SOCKETS, read_only=True),
    ]
    network = os.environ.get(server_container.NETWORK_VARIABLE)
    reached: dict[str, Any] = {"network": network} if network else {"ports": ports(workspace)}
    container: Container = client.containers.create(
        image(client),
        name=volume(workspace),
        labels=engine.labels(workspace, "gateway"),
        mounts=mounts,
        **reached,
        **HARDENED,
    )
    try:
        start(container)
    except (Unreachable, DockerException):
        container.remove(force=True)
        raise
    return container


def start(container: Container) -> None:
    """Start the container. Raises Unreachable naming the port when one is taken."""
    from docker.errors import APIError

    try:
        container.start()
    except APIError as error:
        taken = _taken(error)
        if taken is None:
            raise
        raise taken from error


def ports(workspace: Workspace) -> Mapping[str, tuple[str, int]]:
    """Return where the doors are published: on the loopback address where the workspace's URLs are there."""
    doors = {f"{PUBLIC_PORT}/tcp": workspace.gateway_url, f"{ADMIN_PORT}/tcp": workspace.gateway_admin_url}
    return {door: _published(url) for door, url in doors.items()}


def image(client: DockerClient) -> str:
    """Return the name of nginx's image, which the engine has then. Raises ImageError where it cannot be had."""
    from docker.errors import APIError, ImageNotFound

    name = os.environ.get(IMAGE_VARIABLE) or IMAGE
    try:
        client.images.get(name)
    except ImageNotFound:
        try:
            client.images.pull(name)
        except APIError as error:
            raise ImageError(
                f"the gateway's image {name} is not on the engine and cannot be pulled: {error.explanation}. "
                f"Pull it by hand, or set {IMAGE_VARIABLE} to another nginx"
            ) from error
    return name


def mount(source: str, target: str, *, read_only: bool = False) -> dict[str, Any]:
    """Return the mount of a volume."""
    return {"Type": "volume", "Source": source, "Target": target, "ReadOnly": read_only}


def _published(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return "127.0.0.1" if is_here else "0.0.0.0", parts.port or 80  # noqa: S104  # as the workspace asks


def _taken(error: APIError) -> Unreachable | None:
    said = str(error.explanation or "")
    if not any(words in said for words in _WORDS):
        return None
    where = _TAKEN.search(said)
    place = where[1] if where else "a port of it"
    return Unreachable(
        f"the gateway cannot listen: {place} is taken. Stop what listens there, or choose other ports with "
        "AIRLOOP_GATEWAY and AIRLOOP_GATEWAY_ADMIN"
    )
