"""Images in a registry: the base is pushed there once by an engine, models are put on it through the registry's API."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from airloop import digest
from airloop.engine import answering, connected
from airloop.errors import ImageError, Unreachable
from airloop.images import bases, code, layers, packages
from airloop.images.facts import KEY, KIND, MEGABYTES, Base, packages_in
from airloop.images.registry import CONFIG, LAYER, MANIFEST, Manifest, Registry

if TYPE_CHECKING:
    import docker

    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

REPOSITORY = "serving-base"
_OCI_LAYERS = {"application/vnd.docker.image.rootfs.diff.tar.gzip": "application/vnd.oci.image.layer.v1.tar+gzip"}
"""The same bytes under another name: the engine pushes the first, a manifest of the open standard wants the second."""


def made(workspace: Workspace, *, with_pandas: bool) -> bases.Made:
    """Return the base in the registry, pushed where it is not there.

    Without an engine the base is the one that was last pushed for this code and these packages. Raises Unreachable
    where there is none either, and ImageError.
    """
    registry = Registry(workspace.registry)
    recent = _recent(with_pandas=with_pandas)
    try:
        local = bases.made(workspace, with_pandas=with_pandas)
    except Unreachable:
        found = registry.manifest(REPOSITORY, recent)
        if found is None:
            raise
        log.info("no Docker engine answers; models are put on %s", registry.reference(REPOSITORY, found.digest))
        return _made(registry, found)
    found = _known(workspace, registry, local.base.key)
    if found is None:
        with connected(bases.BUILD_S) as client:
            _push(client, local.parent.name, f"{workspace.registry}/{REPOSITORY}", local.base.key[:12])
        found = registry.manifest(REPOSITORY, local.base.key[:12])
        if found is None:
            raise ImageError(f"registry {workspace.registry}: the base was pushed and is not there")
        registry.put_manifest(REPOSITORY, recent, found)
        workspace.store.put_json(KIND, local.base.key, {"reference": found.digest})
    return _made(registry, found)


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


def _recent(*, with_pandas: bool) -> str:
    """Return the tag by which a machine without an engine finds the base."""
    wanted = bases.pins_of(with_pandas=with_pandas)
    made_of = {
        "code": code.digest_of(code.of_server()),
        "pins": [pin.line for pin in wanted],
        "python": packages.python_image(),
    }
    return f"for-{digest.of_value(made_of)[:12]}"


def _known(workspace: Workspace, registry: Registry, key: str) -> Manifest | None:
    """Return the manifest of the base, by the digest on record, since a tag can be moved."""
    if workspace.store.has(KIND, key):
        recorded = registry.manifest(REPOSITORY, workspace.store.get_json(KIND, key)["reference"])
        if recorded is not None:
            return recorded
    found = registry.manifest(REPOSITORY, key[:12])
    if found is None or _config(registry, found)["config"].get("Labels", {}).get(KEY) != key:
        return None
    return found


def _made(registry: Registry, manifest: Manifest) -> bases.Made:
    document = _config(registry, manifest)
    reference = registry.reference(REPOSITORY, manifest.digest)
    parent = layers.Parent(
        name=reference,
        architecture=document["architecture"],
        os=document["os"],
        config=layers.inherited(document["config"]),
        layers=tuple(document["rootfs"]["diff_ids"]),
    )
    found = Base(reference, parent.labels[KEY], packages_in(parent.labels))
    return bases.Made(found, parent, float(parent.labels[MEGABYTES]))


def _config(registry: Registry, manifest: Manifest) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(registry.blob(REPOSITORY, manifest.value["config"]["digest"]))
    return document


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

    name, _, image_digest = reference.partition("@")
    address, _, repository = name.rpartition("/")
    registry = Registry(address)
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
