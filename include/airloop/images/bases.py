"""The base serving image: made once per server code, locked packages and Python image, and found again by its tag."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airloop import digest
from airloop.bundle.locked import SERVING, XGBOOST
from airloop.engine import answering, connected
from airloop.errors import ImageError
from airloop.images import archive, code, layers, packages
from airloop.images.facts import KEY, MEGABYTES, Base, packages_in
from airloop.images.lock import Pin, pins
from airloop.workspace import Workspace

if TYPE_CHECKING:
    import docker

BUILD_S = 1800.0
"""Longest wait for the engine's next word while it builds."""
NAME = "airloop/serving-base"
PACKAGES_NAME = "airloop/serving-packages"
DOCKERFILE = "docker/serve.Dockerfile"
TITLE = "org.opencontainers.image.title"


@dataclass(frozen=True)
class Made:
    """A base on the engine."""

    base: Base
    parent: layers.Parent
    megabytes: float


def base(workspace: Workspace, *, with_pandas: bool = False) -> Base:
    """Return the image that models are put on, made where the engine does not have it (half a minute).

    ``with_pandas`` is for models whose feature code wants it. Raises ImageError when it cannot be built, naming the
    step; Unreachable when the engine, or where wheels come from, does not answer.
    """
    return made(workspace, with_pandas=with_pandas).base


def made(workspace: Workspace, *, with_pandas: bool, more: tuple[str, ...] = ()) -> Made:
    """Return the base, and what is needed to put a model on it; ``more`` packages are those of a trainer."""
    wanted = pins_of(with_pandas=with_pandas, more=more)
    with alone(), connected(BUILD_S) as client:
        # A user's code may use all of what is installed; the server alone does not.
        lean = {"WHOLE": "1"} if more else {} if with_pandas else {"LEAN": "1"}
        below = packages.with_packages(workspace, client, wanted, DOCKERFILE, PACKAGES_NAME, lean)
        return with_code(client, below, code.of_server(), NAME)


def pins_of(*, with_pandas: bool, more: tuple[str, ...] = ()) -> tuple[Pin, ...]:
    """Return the locked packages of the base."""
    return pins([*SERVING, *XGBOOST, *(["pandas"] if with_pandas else []), *more], cpu=True)


def with_code(client: docker.DockerClient, below: layers.Parent, files: dict[str, archive.Content], name: str) -> Made:
    """Return the image ``name`` that is ``below`` and a layer with ``files``, made once."""
    key = digest.of_value({"packages": below.name, "code": code.digest_of(files)})
    tag = f"{name}:{key[:12]}"
    found = _found(client, tag, key)
    if found is None:
        tar = archive.layer(files)
        labels = {TITLE: name, KEY: key, MEGABYTES: f"{below.megabytes + len(tar) / 1e6:.3f}"}
        layers.put_on_engine(client, layers.Extended(below, tar, labels), tag)
        found = _found(client, tag, key)
    if found is None:
        raise ImageError(f"{tag} vanished from the Docker engine while it was made; try again")
    return found


@contextmanager
def alone() -> Iterator[None]:
    """Let one process of this machine build at a time, whatever its stack: the second finds what the first made."""
    from airloop.training.locks import exclusive

    with exclusive(Path(tempfile.gettempdir()) / f"airloop-images-{os.getuid()}.lock"):
        yield


def _found(client: docker.DockerClient, tag: str, key: str) -> Made | None:
    from docker import errors

    with answering():
        try:
            attributes = client.images.get(tag).attrs
        except errors.ImageNotFound:
            return None
    parent = layers.parent_of(attributes)
    if parent.labels.get(KEY) != key:
        return None
    return Made(Base(parent.name, key, packages_in(parent.labels)), parent, float(parent.labels[MEGABYTES]))
