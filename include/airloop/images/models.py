"""A model's image: the base and one layer with the bundle."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from airloop import clock
from airloop.engine import answering, connected
from airloop.engine.connection import LABEL
from airloop.errors import ImageError
from airloop.images import archive, bases, layers
from airloop.images.facts import KIND, Image, find, name_of
from airloop.images.lock import CUDA
from airloop.images.wheelhouse import Package
from airloop.store import MANIFEST

if TYPE_CHECKING:
    import docker

    from airloop.bundle import Bundle
    from airloop.workspace import Workspace

FOLDER = "/opt/airloop/bundle"
OCI = "org.opencontainers.image"


def build(workspace: Workspace, pipeline: str, bundle: Bundle) -> Image:
    """Return the image of ``bundle``, made unless it is there, and kept on record under its digest.

    The same bundle and base give the same layer and the same image. Raises ImageError when it cannot be made, when
    the bundle is not ``pipeline``'s or wants other packages than the base has; Unreachable when the engine or the
    registry does not answer.
    """
    if bundle.pipeline != pipeline:
        raise ImageError(f"bundle {bundle.digest[:12]} is of pipeline {bundle.pipeline!r}, not of {pipeline!r}")
    wanted = _required(bundle)
    below = base_of(workspace, with_pandas="pandas" in wanted, more=_beyond_the_base(wanted))
    _refuse_other_packages(bundle, wanted, below.base.packages)
    extended = layers.Extended(
        below.parent,
        archive.layer(_files(bundle)),
        _labels(bundle),
        ("--bundle", FOLDER, "--digest", bundle.digest),
        clock.iso(bundle.data_cut_off),
    )
    reference, layer = _put(workspace, below, extended, tag_of(workspace, pipeline, bundle.digest))
    image = Image(
        reference=reference,
        pipeline=pipeline,
        bundle=bundle.digest,
        base=below.base.reference,
        layer=layer,
        megabytes=round(below.megabytes + len(extended.tar) / 1e6, 3),
        packages=below.base.packages,
    )
    workspace.store.put_json(KIND, name_of(reference), asdict(image))
    return image


def ready(workspace: Workspace, reference: str) -> None:
    """Make sure that the engine has the very image, pulled from the registry or made again where it does not.

    Raises ImageError naming what is missing or altered; Unreachable.
    """
    from docker import errors

    image = find(workspace, reference)
    with connected(bases.BUILD_S) as client, answering():
        try:
            held = layers.parent_of(client.images.get(reference).attrs)
        except errors.ImageNotFound:
            _fetch(workspace, client, image)
            held = layers.parent_of(client.images.get(reference).attrs)
    if held.layers[-1] != image.layer or held.labels.get(f"{LABEL}.bundle") != image.bundle:
        raise ImageError(f"image {reference!r} does not hold bundle {image.bundle[:12]}; it was altered")


def tag_of(workspace: Workspace, pipeline: str, bundle_digest: str) -> str:
    """Return the name that keeps an image on the engine; what runs is named by digest."""
    return f"{workspace.prefix}/{pipeline}:{bundle_digest[:12]}"


def base_of(workspace: Workspace, *, with_pandas: bool, more: tuple[str, ...] = ()) -> bases.Made:
    """Return the base where models are put on it: in the registry, or on the engine. Raises ImageError, Unreachable."""
    if not workspace.registry:
        return bases.made(workspace, with_pandas=with_pandas, more=more)
    from airloop.images import pushing

    return pushing.made(workspace, with_pandas=with_pandas, more=more)


def _put(workspace: Workspace, below: bases.Made, image: layers.Extended, tag: str) -> tuple[str, str]:
    """Return the image's reference and the digest of its layer."""
    if workspace.registry:
        from airloop.images import pushing

        return pushing.put(workspace, below, image, tag.removeprefix(f"{workspace.prefix}/")), image.layer
    with connected() as client:
        held = layers.put_on_engine(client, image, tag)
    return held.name, held.layers[-1]


def _fetch(workspace: Workspace, client: docker.DockerClient, image: Image) -> None:
    """Get an image that the engine does not have: from its registry, or made again from the bundle."""
    if "@" in image.reference:
        from airloop.images import pushing

        pushing.pull(client, image.reference)
        client.images.get(image.reference).tag(tag_of(workspace, image.pipeline, image.bundle))
        return
    from airloop.bundle import open_bundle

    again = build(workspace, image.pipeline, open_bundle(workspace, image.bundle))
    if again.reference != image.reference:
        raise ImageError(
            f"image {image.reference} is not on the Docker engine, and made again it is {again.reference}: "
            f"{_why_another(client, image, again)}. Package the bundle again"
        )


def _why_another(client: docker.DockerClient, image: Image, again: Image) -> str:
    if image.packages != again.packages:
        return "the packages are others than then"
    if layers.keeps_images_in_containerd(client):
        return "engines that keep images in containerd's store give each build a name of its own; a registry keeps it"
    return "the server's code or the Python image are others than then"


def _files(bundle: Bundle) -> dict[str, archive.Content]:
    found = archive.below(bundle.folder, FOLDER.lstrip("/"))
    found.pop(f"{FOLDER.lstrip('/')}/{MANIFEST}", None)
    return found


def _labels(bundle: Bundle) -> dict[str, str]:
    lineage = {f"{LABEL}.{name}": value for name, value in bundle.facts.lineage.items()}
    return lineage | {
        f"{LABEL}.pipeline": bundle.pipeline,
        f"{LABEL}.version": bundle.version,
        f"{LABEL}.bundle": bundle.digest,
        f"{LABEL}.data-cut-off": clock.iso(bundle.data_cut_off),
        f"{OCI}.title": bundle.pipeline,
        f"{OCI}.version": bundle.version,
        f"{OCI}.revision": bundle.digest,
        f"{OCI}.created": clock.iso(bundle.data_cut_off),
    }


def _required(bundle: Bundle) -> dict[str, str]:
    text = (bundle.folder / "requirements.txt").read_text(encoding="utf-8")
    pairs = (line.partition("==") for line in text.splitlines() if line.strip())
    return {name: version for name, _, version in pairs}


def _beyond_the_base(wanted: dict[str, str]) -> tuple[str, ...]:
    """Return the packages that a trainer of the pipeline's own wants beside those of every base, sorted."""
    usual = {pin.name for pin in bases.pins_of(with_pandas="pandas" in wanted)} | {"xgboost"}
    return tuple(sorted(name for name in wanted if name not in usual and not name.startswith(CUDA)))


def _refuse_other_packages(bundle: Bundle, wanted: dict[str, str], packages: tuple[Package, ...]) -> None:
    """Raise ImageError unless the base has the versions with which the model was made and its answers computed."""
    has = {package.name: package.version for package in packages}
    has["xgboost"] = has.get("xgboost-cpu", "")  # the same library for another processor
    wrong = [
        f"{name} {version} (the image has {has.get(name) or 'none'})"
        for name, version in sorted(wanted.items())
        if has.get(name) != version and not name.startswith(CUDA)
    ]
    if wrong:
        raise ImageError(
            f"bundle {bundle.digest[:12]} was made with {', '.join(wrong)}. Package it again, or make setup"
        )
