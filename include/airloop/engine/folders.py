"""Folders of this process, as a container on the same engine gets them at the same paths."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop.engine.connection import answering
from airloop.errors import StepFailed

if TYPE_CHECKING:
    import docker

MOUNT_TABLE = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class Folder:
    """A folder that a container needs; ``setting`` names what it was given by."""

    path: Path
    setting: str
    is_writable: bool = True


def mounts_of(client: docker.APIClient, folders: Iterable[Folder], this: str | None = None) -> list[dict[str, Any]]:
    """Return the mounts, in the words of Docker's API, that show ``folders`` to a container at the same paths.

    ``this`` is the container of this process: a folder of it is a volume's or a folder of the machine below. By default
    it is looked up; "" says that there is none. Raises StepFailed where the engine cannot see a folder.
    """
    from docker.errors import NotFound

    wanted, here = list(folders), own_container() if this is None else this
    if not wanted:
        return []
    with answering():
        try:
            mounted = client.inspect_container(here)["Mounts"] if here else None
        except NotFound:
            mounted = []  # the engine is not the one that this container runs on
        if mounted is None and not _is_same_machine(client):
            mounted = []
    found = [bound(folder) for folder in wanted] if mounted is None else as_mounted(mounted, wanted, client.base_url)
    found.sort(key=lambda mount: not mount["ReadOnly"])  # what one folder needs writable stays so
    return sorted({mount["Target"]: mount for mount in found}.values(), key=lambda mount: len(mount["Target"]))


def own_container(table: str | None = None) -> str:
    """Return the id of the container that this process runs in, "" where it runs in none; ``table`` is mountinfo."""
    try:
        lines = MOUNT_TABLE.read_text(encoding="utf-8") if table is None else table
    except OSError:
        return ""
    # Docker mounts the container's own hosts file from a folder that is named after the container.
    match = re.search(r"/containers/([0-9a-f]{64})/\S+ /etc/host", lines)
    return match[1] if match else ""


def bound(folder: Folder) -> dict[str, Any]:
    """Return the mount of a folder of this machine."""
    return _mount("bind", str(folder.path), str(folder.path), is_writable=folder.is_writable)


def as_mounted(mounted: Iterable[Mapping[str, Any]], folders: Iterable[Folder], engine: str) -> list[dict[str, Any]]:
    """Return mounts of ``folders``, made of what this process's own container has ``mounted``.

    A volume is mounted whole, where this container has it: older engines cannot mount a part. Volumes that lie inside a
    folder come along. Raises StepFailed for a folder that no mount covers: nobody else can see it.
    """
    known, found = sorted(mounted, key=lambda mount: len(mount["Destination"])), []
    for folder in folders:
        over = [mount for mount in known if folder.path.is_relative_to(mount["Destination"])]
        if not over:
            raise StepFailed(
                f"{folder.setting}: the Docker engine at {engine} cannot see the folder {folder.path} of this worker. "
                "Put it in a volume, or set it to a URL that containers reach, for example s3://bucket/path"
            )
        inside = [mount for mount in known if folder.path in Path(mount["Destination"]).parents]
        found += [_again(mount, folder) for mount in (over[-1], *inside)]
    return found


def _again(mount: Mapping[str, Any], folder: Folder) -> dict[str, Any]:
    is_writable = folder.is_writable and mount.get("RW", True)
    target = mount["Destination"]
    if mount["Type"] == "volume":
        return _mount("volume", mount["Name"], target, is_writable=is_writable)
    if folder.path.is_relative_to(target):
        inside = folder.path.relative_to(target)
        return _mount("bind", str(Path(mount["Source"], inside)), str(folder.path), is_writable=is_writable)
    return _mount("bind", mount["Source"], target, is_writable=is_writable)


def _mount(kind: str, source: str, target: str, *, is_writable: bool) -> dict[str, Any]:
    return {"Type": kind, "Source": source, "Target": target, "ReadOnly": not is_writable}


def _is_same_machine(client: docker.APIClient) -> bool:
    # What docker-py calls a Unix socket's address.
    if client.base_url.startswith(("http+unix", "http+docker", "http://localhost", "npipe")):
        return True
    return bool(client.info()["Name"] == socket.gethostname())
