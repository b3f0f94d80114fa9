"""Images in a registry: the base is pushed there once by an engine, models are put on it through the registry's API."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from airloop import digest
from airloop.engine import answering, connected
from airloop.errors import ImageError, Unreachable
from airloop.images import archive, bases, code, layers, packages, pulled
from airloop.images.facts import KEY, KIND, MEGABYTES, Base, packages_in
from airloop.images.lock import Pin
from airloop.images.registry import CONFIG, LAYER, MANIFEST, Manifest, Registry

if TYPE_CHECKING:
    import docker

    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

REPOSITORY = "serving-base"
_OCI_LAYERS = {"application/vnd.docker.image.rootfs.diff.tar.gzip": "application/vnd.oci.image.layer.v1.tar+gzip"}
"""The same bytes under another name: the engine pushes the first, a manifest of the open standard wants the second."""


def made(workspace: Workspace, *, with_pandas: bool, more: tuple[str, ...] = ()) -> bases.Made:
    """Return the base in the registry, pushed where it is not there; see ``published``."""
    recent = tag_for(code.of_server(), bases.pins_of(with_pandas=with_pandas, more=more))
    return published(workspace, REPOSITORY, recent, lambda: bases.made(workspace, with_pandas=with_pandas, more=more))


def published(workspace: Workspace, repository: str, recent: str, make: Callable[[], bases.Made]) -> bases.Made:
    """Return what ``make`` makes on an engine as it is in the registry, pushed to ``repository`` where it is not there.

    Without an engine it is the one that was last pushed under the tag ``recent``. Raises Unreachable where there is
    none either, and ImageError.
    """
    registry = Registry(workspace.registry)
    try:
        local = make()
    except Unreachable as error:
        found = registry.manifest(repository, recent)
        if found is None:
            raise Unreachable(
                f"{error} And {workspace.registry}/{repository}:{recent} is not there: `python -m airloop images` "
                "pushes it where an engine is"
            ) from error
        log.info("no Docker engine answers; taking %s", registry.reference(repository, found.digest))
        return _made(registry, repository, found)
    found = _known(workspace, registry, repository, local.base.key)
    if found is None:
        with connected(bases.BUILD_S) as client:
            _push(client, local.parent.name, f"{workspace.registry}/{repository}", local.base.key[:12])
        found = registry.manifest(repository, local.base.key[:12])
        if found is None:
            raise ImageError(f"registry {workspace.registry}: {repository} was pushed and is not there")
        registry.put_manifest(repository, recent, found)
        workspace.store.put_json(KIND, local.base.key, {"reference": found.digest})
    return _made(registry, repository, found)


def tag_for(files: dict[str, archive.Content], wanted: Iterable[Pin]) -> str:
    """Return the tag by which a machine without an engine finds the image of that code and those packages."""
    made_of = {
        "code": code.digest_of(files),
        "pins": [pin.line for pin in wanted],
        "python": packages.python_image(),
    }
    return f"for-{digest.of_value(made_of)[:12]}"


def put(workspace: Workspace, below: bases.Made, image: layers.Extended, name: str) -> str:
    """Put ``image`` on the base in the registry and name it ``repository:tag`` there; return its reference by digest.

    Only the new layer, a configuration and a manifest travel, and the same ones each time. Raises Unreachable and
    ImageError.
    """
    registry = Registry(workspace.registry)
    repository, _, tag = name.partition(":")
    base = registry.manifest(REPOSITORY, below.base.reference.rpartition("@")[2])
    if base is None:
        raise ImageError(f"{below.base.reference} vanished from the registry; try again")
    parts = [_described(part) for part in base.value["layers"]]
    for part in parts:
        registry.mount(repository, part["digest"], REPOSITORY)
    added = {"digest": registry.put_blob(repository, image.tar), "mediaType": LAYER, "size": len(image.tar)}
    config = {
        "digest": registry.put_blob(repository, image.document),
        "mediaType": CONFIG,
        "size": len(image.document),
    }
    manifest = {
        "annotations": image.labels,
        "config": config,
        "layers": [*parts, added],
        "mediaType": MANIFEST,
        "schemaVersion": 2,
    }
    return registry.reference(repository, registry.put_manifest(repository, tag, Manifest.of(manifest)))


def _known(workspace: Workspace, registry: Registry, repository: str, key: str) -> Manifest | None:
    """Return the manifest of an image, by the digest on record, since a tag can be moved."""
    if workspace.store.has(KIND, key):
        recorded = registry.manifest(repository, workspace.store.get_json(KIND, key)["reference"])
        if recorded is not None:
            return recorded
    found = registry.manifest(repository, key[:12])
    if found is None or pulled.configuration(registry, repository, found)["config"].get("Labels", {}).get(KEY) != key:
        return None
    return found


def _made(registry: Registry, repository: str, manifest: Manifest) -> bases.Made:
    parent = pulled.parent(registry, repository, manifest)
    found = Base(parent.name, parent.labels[KEY], packages_in(parent.labels))
    return bases.Made(found, parent, float(parent.labels[MEGABYTES]))


def _described(part: dict[str, Any]) -> dict[str, Any]:
    kind = part["mediaType"]
    return {"digest": part["digest"], "mediaType": _OCI_LAYERS.get(kind, kind), "size": part["size"]}


def _push(client: docker.DockerClient, image: str, repository: str, tag: str) -> None:
    with answering():
        client.images.get(image).tag(repository, tag)
        for item in client.api.push(repository, tag, stream=True, decode=True):
            if "error" in item:
                raise Unreachable(f"the Docker engine cannot push {repository}:{tag}: {item['error']}")


def pull(client: docker.DockerClient, reference: str) -> None:
    """Let the engine pull an image by its digest.

    Raises ImageError naming what is missing or altered in the registry, and Unreachable.
    """
    from docker import errors

    registry, repository, image_digest = pulled.at(reference)
    # The engine would try for a minute before it says that a layer is not what it should be.
    registry.check(repository, image_digest, below=False)
    with answering():
        try:
            said = [item["error"] for item in client.api.pull(reference, stream=True, decode=True) if "error" in item]
        except errors.APIError as error:
            said = [str(error.explanation)]
    if not said:
        return
    registry.check(repository, image_digest, below=True)
    raise Unreachable(f"the Docker engine cannot pull {reference}: {'; '.join(said)}")
