"""Images that others pull: a cluster's nodes have no engine of ours, so what they run must lie in a registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airloop.engine.connection import LABEL
from airloop.errors import ImageError
from airloop.images import layers
from airloop.images.facts import find

if TYPE_CHECKING:
    from airloop.images.registry import Manifest, Registry
    from airloop.workspace import Workspace


def pullable(workspace: Workspace, reference: str) -> layers.Parent:
    """Return what the registry holds of an image on record, which is its very bundle; no engine takes part.

    Raises ImageError naming what is missing or altered, its base left out, or when it is on an engine only; and
    Unreachable.
    """
    image = find(workspace, reference)
    if "@" not in reference:
        raise ImageError(
            f"image {reference!r} is on a Docker engine, where no cluster can pull it: set AIRLOOP_REGISTRY and "
            "package the bundle again"
        )
    there = held(reference)
    if there.layers[-1] != image.layer or there.labels.get(f"{LABEL}.bundle") != image.bundle:
        raise ImageError(f"image {reference!r} does not hold bundle {image.bundle[:12]}; it was altered")
    return there


def held(reference: str) -> layers.Parent:
    """Return the configuration and layers of the image that a registry holds under a reference by digest.

    Raises ImageError naming what of it is missing or altered there, its base left out; and Unreachable.
    """
    registry, repository, digest = at(reference)
    registry.check(repository, digest, below=False)
    manifest = registry.manifest(repository, digest)
    if manifest is None:
        raise ImageError(f"{reference} vanished from the registry; try again")
    return parent(registry, repository, manifest)


def at(reference: str) -> tuple[Registry, str, str]:
    """Return registry, repository and digest of a reference by digest. Raises Unreachable and ImageError."""
    from airloop.images.registry import Registry

    name, _, digest = reference.partition("@")
    address, _, repository = name.rpartition("/")
    return Registry(address), repository, digest


def parent(registry: Registry, repository: str, manifest: Manifest) -> layers.Parent:
    """Return an image in a registry as one to put layers on. Raises ImageError and Unreachable."""
    document = configuration(registry, repository, manifest)
    return layers.Parent(
        name=registry.reference(repository, manifest.digest),
        architecture=document["architecture"],
        os=document["os"],
        config=layers.inherited(document["config"]),
        layers=tuple(document["rootfs"]["diff_ids"]),
    )


def configuration(registry: Registry, repository: str, manifest: Manifest) -> dict[str, Any]:
    """Return the configuration that a manifest names. Raises ImageError and Unreachable."""
    document: dict[str, Any] = json.loads(registry.blob(repository, manifest.value["config"]["digest"]))
    return document
