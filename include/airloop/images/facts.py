"""What an image is: its reference, what it was made from, and the packages in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from airloop.engine.connection import LABEL
from airloop.errors import ImageError
from airloop.images.wheelhouse import Package

if TYPE_CHECKING:
    from airloop.workspace import Workspace

KIND = "images"
"""Where the store keeps what it knows of each image, under the hexadecimal part of its reference."""
PACKAGES = f"{LABEL}.packages"
KEY = f"{LABEL}.key"
MEGABYTES = f"{LABEL}.megabytes"


@dataclass(frozen=True)
class Base:
    """What the images of all models share."""

    reference: str
    key: str
    """SHA-256 (hex) of the server's code, the locked packages and the Python image that it was made from."""
    packages: tuple[Package, ...]


@dataclass(frozen=True)
class Image:
    """A model's image: the base and one layer with the bundle."""

    reference: str
    """By digest: ``registry/pipeline@sha256:…``, or the engine's ``sha256:…``."""
    pipeline: str
    bundle: str
    """Digest of the bundle inside."""
    base: str
    """Reference of the image below."""
    layer: str
    """``sha256:…`` of the layer with the bundle, not compressed."""
    megabytes: float
    """Size of the whole image, not compressed; megabytes of 1,000,000 bytes."""
    packages: tuple[Package, ...]


def name_of(reference: str) -> str:
    """Return the hexadecimal part of a reference by digest, "" where it has none."""
    _, found, name = reference.partition("sha256:")
    return name if found and len(name) == 64 else ""


def find(workspace: Workspace, reference: str) -> Image:
    """Return what is on record of an image. Raises ImageError when nothing is, or the record was changed."""
    name = name_of(reference)
    if not name or not workspace.store.has(KIND, name):
        raise ImageError(f"image {reference!r} is unknown: {workspace.store.url} has no record of its digest")
    if workspace.store.altered_files(KIND, name):
        raise ImageError(f"image {reference!r}: its record {workspace.store.uri(KIND, name)} was changed")
    found: dict[str, Any] = workspace.store.get_json(KIND, name)
    packages = tuple(Package(**package) for package in found.pop("packages"))
    return replace(Image(packages=packages, **found), reference=reference)


def packages_in(labels: dict[str, str]) -> tuple[Package, ...]:
    """Return the packages that an image's labels list."""
    listed: dict[str, Any] = msgspec.json.decode(labels.get(PACKAGES, "{}"))
    return tuple(Package(name, version, sha256) for name, (version, sha256) in sorted(listed.items()))


def listed(packages: tuple[Package, ...]) -> str:
    """Return the value of the label that lists ``packages``."""
    found = {package.name: [package.version, package.sha256] for package in packages}
    return msgspec.json.encode(found, order="sorted").decode()
