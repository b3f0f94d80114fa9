"""How a model server runs in a container: the one place that says what it may do, reach and write.

The Docker target runs releases with it and verification proves bundles with it, so what was verified is what ships.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from airloop.engine.connection import labels
from airloop.errors import ImageError
from airloop.serving import placing

if TYPE_CHECKING:
    from airloop.serving.tokens import Tokens
    from airloop.spec.model import Serving
    from airloop.workspace import Workspace

USER = placing.USER
BUNDLE = placing.BUNDLE
SOCKETS = "/run/airloop"
"""Where servers listen and the gateway finds them."""
HOME = placing.HOME
STORE = placing.STORE
SCRATCH = placing.SCRATCH
WRITABLE = (SOCKETS, SCRATCH, HOME, f"{STORE}/predictions")
"""All that a server may write below."""
STOP_S = placing.STOP_S
RESTARTED = {"Name": "always"}
"""Not `unless-stopped`: an engine that was killed takes containers that outlived it for stopped by hand."""
NETWORK_VARIABLE = "AIRLOOP_DOCKER_NETWORK"
VOLUME_VARIABLE = "AIRLOOP_DOCKER_STORE_VOLUME"


@dataclass(frozen=True)
class Server:
    """What runs in one container; ``bundle`` is a digest, ``image`` a reference by digest."""

    name: str
    """Of the container and of its socket."""
    pipeline: str
    version: str
    bundle: str
    image: str


CONFINED: dict[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "ipc_mode": "none",  # no /dev/shm, which could be written
    "pids_limit": 64,
    "tmpfs": {SCRATCH: "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
    "log_config": {"type": "json-file", "config": {"max-size": "10m", "max-file": "3"}},
    "stop_signal": "SIGTERM",
    "use_config_proxy": False,  # proxies are none of its business, and may carry a password
}
"""What no server may do, whatever its pipeline's spec says."""


@dataclass(frozen=True)
class Log:
    """What a server needs in order to keep a prediction log."""

    mounts: tuple[dict[str, Any], ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    network: str = "none"


NO_LOG = Log()


def name_of(workspace: Workspace, pipeline: str, image: str) -> str:
    """Return the name of the container that serves ``image``, at most 80 characters: its socket's path has 107.

    Raises ImageError unless the image is named by a digest.
    """
    _, found, digest = image.partition("sha256:")
    if not found or len(digest) != 64:
        raise ImageError(f"{pipeline}: image {image!r} is not named by its digest, sha256:…")
    room = 80 - len(workspace.prefix) - len(digest[:12]) - 2
    return f"{workspace.prefix}-{pipeline[:room]}-{digest[:12]}"


def sockets_of(workspace: Workspace) -> str:
    """Return the volume in which servers listen."""
    return f"{workspace.prefix}-sockets"


def journals_of(workspace: Workspace) -> str:
    """Return the volume in which servers keep what they answered until it is in the store."""
    return f"{workspace.prefix}-journals"


def arguments(
    workspace: Workspace,
    serving: Serving,
    server: Server,
    granted: Tokens,
    *,
    role: Literal["server", "verification"] = "server",
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the keyword arguments with which docker-py's ``containers.create`` makes a server.

    A server under verification keeps no prediction log and is never started again; all else is as in production.
    Folders for the log are made here. Raises ImageError when a server could not reach a remote store, and Unreachable
    when the store does not answer.
    """
    from airloop.serving.tokens import hashes_of

    env = os.environ if environ is None else environ
    is_live = role == "server"
    log = _log(workspace, server.pipeline, env) if is_live and serving.log_predictions else NO_LOG
    command = ["--bundle", BUNDLE, "--digest", server.bundle, "--socket", f"{SOCKETS}/{server.name}.sock"]
    told = {"pipeline": server.pipeline, "version": server.version, "bundle": server.bundle, "image": server.image}
    return {
        "name": server.name,
        "image": server.image,
        "command": command if log is not NO_LOG else [*command, "--no-log"],
        # Hashes of the tokens: nothing that `docker inspect` may not show.
        "environment": hashes_of(granted) | placing.proof_of(workspace, server.bundle) | log.environment,
        "labels": labels(workspace, role, **told),
        "mounts": [_volume(sockets_of(workspace), SOCKETS), *log.mounts],
        "network_mode": log.network,
        "restart_policy": RESTARTED if is_live else {"Name": "no"},
        "user": user_of(workspace),
        **CONFINED,
        "nano_cpus": round(serving.cpus * 1e9),
        "mem_limit": serving.memory,
        "memswap_limit": serving.memory,  # memory and swap together: no swap
    }


def user_of(workspace: Workspace) -> str:
    """Return who servers are, ``uid:gid``: the owner of a store that is a folder, but never root."""
    return ":".join(map(str, placing.owner_of(workspace)))


def _log(workspace: Workspace, pipeline: str, env: Mapping[str, str]) -> Log:
    journal = _volume(journals_of(workspace), HOME)
    home = {"AIRLOOP_HOME": f"{HOME}/{pipeline}"}  # another pipeline's segments are not this server's to write away
    folder, network = placing.folder_of(workspace), env.get(NETWORK_VARIABLE, "")
    if folder is None:
        if not network:
            raise ImageError(
                f"the store {workspace.store_url} is not on this machine, and servers would have no network to write "
                f"the prediction log there: set {NETWORK_VARIABLE} to a network of the Docker engine, or "
                "serving.log_predictions to false"
            )
        return Log((journal,), home | {"AIRLOOP_STORE": workspace.store_url}, network)
    written = folder / "predictions" / pipeline
    placing.make_log(written, placing.owner_of(workspace))
    target = f"{STORE}/predictions"
    place = (
        _volume(f"{workspace.prefix}-predictions", target)
        if env.get(VOLUME_VARIABLE)
        else {"Type": "bind", "Source": str(written), "Target": f"{target}/{pipeline}"}
    )
    return Log((journal, place), home | {"AIRLOOP_STORE": STORE})


def _volume(name: str, target: str) -> dict[str, Any]:
    return {"Type": "volume", "Source": name, "Target": target}
