"""What the base of an image brings along beside our packages: the interpreter and the system's packages."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airloop import digest
from airloop.engine import answering, connected, labels
from airloop.engine.connection import TIMEOUT_S
from airloop.errors import ImageError

if TYPE_CHECKING:
    from docker.models.containers import Container

    from airloop.images import Image
    from airloop.workspace import Workspace

KIND = "bases"
LIMITS: dict[str, Any] = {
    "network_mode": "none",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "mem_limit": "128m",
    "pids_limit": 16,
}
LOOK = """
import json, pathlib, platform
status = pathlib.Path("/var/lib/dpkg/status")
packages = []
for block in status.read_text("utf-8").split("\\n\\n") if status.exists() else ():
    fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(" "))
    if fields.get("Status", "").endswith(" installed"):
        packages.append([fields["Package"], fields["Version"], fields["Architecture"]])
release = platform.freedesktop_os_release()
print(json.dumps({
    "python": platform.python_version(),
    "system": [release["ID"], release.get("VERSION_ID", "")],
    "packages": sorted(packages),
}))
"""
"""Runs in the image, whose interpreter is all that it needs."""


@dataclass(frozen=True)
class Inside:
    """The interpreter's version, the system's name and version, and its packages: name, version, architecture."""

    python: str
    system: tuple[str, str]
    packages: tuple[tuple[str, str, str], ...]


def inside(workspace: Workspace, image: Image, *, on_cluster: bool = False) -> Inside:
    """Return what is in the base of ``image``, looked at once per base, in a container without network or rights.

    With ``on_cluster`` in a pod, and no Docker engine takes part. Raises ImageError when the image cannot say it,
    ClusterRefused when the cluster does not let it, Unreachable when engine, cluster or store does not answer.
    """
    name = digest.of_value(["inside", image.base, LOOK])
    if not workspace.store.has(KIND, name):
        look = _look_in_pod if on_cluster else _look
        workspace.store.put_json(KIND, name, look(workspace, image.reference))
    found = workspace.store.get_json(KIND, name)
    system, version = found["system"]
    packages = tuple((package, its_version, machine) for package, its_version, machine in found["packages"])
    return Inside(found["python"], (system, version), packages)


def _look(workspace: Workspace, reference: str) -> Any:
    from airloop import images

    images.ready(workspace, reference)
    with connected() as client, answering():
        container = client.containers.create(
            reference,
            entrypoint=["python", "-c", LOOK],
            command=[],
            name=f"{workspace.prefix}-look-{secrets.token_hex(6)}",
            labels=labels(workspace, "verification"),
            **LIMITS,
        )
        try:
            return _said(container, reference)
        finally:
            container.remove(force=True)


def _look_in_pod(workspace: Workspace, reference: str) -> Any:
    from airloop.evidence.looking import look_in_pod

    return json.loads(look_in_pod(workspace, reference, ["python", "-c", LOOK]))


def _said(container: Container, reference: str) -> Any:
    from docker import errors

    try:
        container.start()
    except errors.APIError as error:
        raise ImageError(f"image {reference} cannot say what is in it: {error.explanation}") from error
    failed = container.wait(timeout=TIMEOUT_S)["StatusCode"]
    said = container.logs(stdout=not failed, stderr=bool(failed)).decode()
    if failed:
        raise ImageError(f"image {reference} cannot say what is in it: {said.strip()}")
    return json.loads(said)
