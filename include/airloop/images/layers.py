"""One layer on top of an image: a configuration and a tar, the same bytes whoever puts them together.

An image's id is the digest of its configuration, and so known before anything is built. An engine that keeps layers
itself takes the new one through ``docker load``, in which layers that it has may be missing. One that keeps images in
containerd's store wants whole images, so there ``docker build`` adds the layer.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airloop.engine import answering
from airloop.images import archive, building

if TYPE_CHECKING:
    import docker

INHERITED = ("Cmd", "Entrypoint", "Env", "Labels", "User", "WorkingDir")
CREATED = "1970-01-01T00:00:00Z"
_BUILT_WITH = """\
FROM {parent}
ADD layer.tar /
LABEL {labels}
CMD {command}
"""


@dataclass(frozen=True)
class Parent:
    """What an image is put on; ``name`` is how the engine knows it, ``layers`` are the digests of its tars."""

    name: str
    architecture: str
    os: str
    config: dict[str, Any]
    layers: tuple[str, ...]
    megabytes: float = 0.0
    """Of 1,000,000 bytes, not compressed; 0 where that is not known."""

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return dict(self.config.get("Labels") or {})


@dataclass(frozen=True)
class Extended:
    """An image that is ``parent`` and one layer more; ``tar`` is that layer."""

    parent: Parent
    tar: bytes
    labels: dict[str, str]
    command: tuple[str, ...] = ()
    created: str = CREATED

    @property
    def layer(self) -> str:
        """``sha256:…`` of the layer."""
        return f"sha256:{hashlib.sha256(self.tar).hexdigest()}"

    @property
    def document(self) -> bytes:
        """The configuration as its bytes."""
        config = dict(self.parent.config)
        config["Labels"] = self.parent.labels | self.labels
        if self.command:
            config["Cmd"] = list(self.command)
        whole = {
            "architecture": self.parent.architecture,
            "config": config,
            "created": self.created,
            "os": self.parent.os,
            "rootfs": {"type": "layers", "diff_ids": [*self.parent.layers, self.layer]},
        }
        return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()

    @property
    def id(self) -> str:
        """``sha256:…`` of the configuration: what the engine calls the image."""
        return f"sha256:{hashlib.sha256(self.document).hexdigest()}"


def parent_of(attributes: dict[str, Any]) -> Parent:
    """Return what the engine says of an image, as a parent."""
    return Parent(
        name=attributes["Id"],
        architecture=attributes["Architecture"],
        os=attributes["Os"],
        config=inherited(attributes["Config"]),
        layers=tuple(attributes["RootFS"]["Layers"]),
        megabytes=attributes["Size"] / 1e6,
    )


def inherited(config: dict[str, Any]) -> dict[str, Any]:
    """Return what an image takes over from the one below."""
    return {name: config[name] for name in INHERITED if config.get(name)}


def put_on_engine(client: docker.DockerClient, image: Extended, tag: str) -> Parent:
    """Make ``image`` on the engine unless it is there, name it ``tag`` too, and return it.

    Raises ImageError when the engine cannot make it, and Unreachable.
    """
    from docker import errors

    with answering():
        if keeps_images_in_containerd(client):
            return build_on_engine(client, image, tag)
        try:
            found = client.images.get(image.id)
        except errors.ImageNotFound:
            _load(client, image, tag)
            found = client.images.get(image.id)
        found.tag(tag)
    return parent_of(found.attrs)


def build_on_engine(client: docker.DockerClient, image: Extended, tag: str) -> Parent:
    """Make ``image`` by ``docker build``, for an engine that loads whole images only; its id is the engine's choice."""
    command = json.dumps(list(image.command or image.parent.config.get("Cmd") or []))
    labels = " ".join(f"{name}={building.quoted(value)}" for name, value in image.labels.items())
    text = _BUILT_WITH.format(parent=image.parent.name, labels=labels, command=command)
    files: dict[str, archive.Content] = {"layer.tar": image.tar}
    name = building.build(client, text, files, tag=tag, key=image.id)
    with answering():
        return parent_of(client.images.get(name).attrs)


def keeps_images_in_containerd(client: docker.DockerClient) -> bool:
    """Return whether the engine loads whole images only, and names what it builds as it likes."""
    return any("containerd" in str(value) for _, value in client.info().get("DriverStatus") or ())


def _load(client: docker.DockerClient, image: Extended, tag: str) -> None:
    name = image.id.removeprefix("sha256:")
    known = [f"{number}/known.tar" for number, _ in enumerate(image.parent.layers)]
    manifest = [{"Config": f"{name}.json", "RepoTags": [tag], "Layers": [*known, "layer.tar"]}]
    with tempfile.TemporaryFile() as stream:
        files = {f"{name}.json": image.document, "layer.tar": image.tar, "manifest.json": json.dumps(manifest).encode()}
        archive.write(stream, files)
        stream.seek(0)
        client.images.load(stream)
