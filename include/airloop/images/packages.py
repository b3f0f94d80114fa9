"""The image with an interpreter and locked packages, which lasts longer than the code on top of it."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airloop import digest
from airloop.engine import answering
from airloop.engine.connection import LABEL
from airloop.errors import ImageError, Unreachable
from airloop.images import archive, building, layers, leftovers
from airloop.images.facts import PACKAGES, listed
from airloop.images.lock import Pin
from airloop.images.wheelhouse import wheelhouse
from airloop.workspace import PROJECT, Workspace

if TYPE_CHECKING:
    import docker


def python_image() -> str:
    """Return the image whose interpreter is used: ``AIRLOOP_PYTHON_IMAGE``, else the official one of this Python."""
    default = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim-bookworm"
    return os.environ.get("AIRLOOP_PYTHON_IMAGE") or default


def with_packages(
    workspace: Workspace,
    client: docker.DockerClient,
    wanted: tuple[Pin, ...],
    dockerfile: str,
    name: str,
    arguments: Mapping[str, str] | None = None,
) -> layers.Parent:
    """Return the image ``name`` that ``dockerfile`` (of the checkout) makes of the locked packages, made once.

    Raises ImageError with the step that failed, and Unreachable.
    """
    from docker import errors

    leftovers.sweep(client)
    python = _python_on(client)
    text = _dockerfile(PROJECT / dockerfile)
    given = dict(arguments or {}) | {"PYTHON": python.name}
    key = digest.of_value({"dockerfile": text, "pins": [pin.line for pin in wanted], "arguments": given})
    tag = f"{name}:{key[:12]}"
    with answering():
        try:
            return layers.parent_of(client.images.get(tag).attrs)
        except errors.ImageNotFound:
            pass
        house = wheelhouse(workspace.home / "cache" / "wheelhouse", wanted, python.architecture)
        files: dict[str, archive.Content] = {f"wheels/{path.name}": path for path in house.folder.glob("*.whl")}
        files["requirements.txt"] = "".join(f"{pin.line}\n" for pin in wanted).encode()
        labels = {PACKAGES: listed(house.packages), f"{LABEL}.python": python_image()}
        text += "".join(f"LABEL {label}={building.quoted(value)}\n" for label, value in labels.items())
        # A key of its own: a build that ends must not clear away the stages of another one beside it.
        building.build(client, text, files, tag=tag, key=secrets.token_hex(16), arguments=given)
        return layers.parent_of(client.images.get(tag).attrs)


def _python_on(client: docker.DockerClient) -> layers.Parent:
    """Return the Python image, pulled where the engine does not have it. Raises ImageError, Unreachable."""
    from docker import errors

    name = python_image()
    with answering():
        try:
            return layers.parent_of(client.images.get(name).attrs)
        except errors.ImageNotFound:
            _pull(client, name)
            return layers.parent_of(client.images.get(name).attrs)


def _pull(client: docker.DockerClient, name: str) -> None:
    """Let the engine pull an image. Raises ImageError when there is none, Unreachable when nobody says so."""
    from docker import errors

    is_final = False
    try:
        said = [item["error"] for item in client.api.pull(name, stream=True, decode=True) if "error" in item]
    except errors.APIError as error:
        said, is_final = [str(error.explanation)], error.status_code in (400, 404)
    if said:
        raise (ImageError if is_final else Unreachable)(
            f"the Docker engine has no image {name!r} and cannot pull it: {'; '.join(said)}. "
            "Set AIRLOOP_PYTHON_IMAGE to one that it can reach"
        )


def _dockerfile(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ImageError(f"{path}: cannot be read, so no image can be made: {error}") from error
