"""The Docker target on a test bench: a stack of its own on the engine, with tiny XGBoost models in images."""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from airloop import evidence, images
from airloop.bundle import open_bundle
from airloop.refs import BundleRef
from airloop.release.docker import DockerTarget
from airloop.release.target import Placed
from airloop.serving.client import ServerClient
from airloop.serving.tokens import read_or_make
from airloop.spec.model import Serving

from .conftest import pipeline_with, workspace_in
from .rigs import MISSING, model_bundle

if TYPE_CHECKING:
    from docker.models.containers import Container

MISSING_IMAGE = replace(MISSING, image="sha256:" + "0" * 64)
ROW = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [0.5]}]}


@dataclass
class DockerRig:
    """Containers and a gateway under a prefix that nobody else uses."""

    home: Path
    missing: Placed = MISSING_IMAGE
    mirrors: bool = True
    registry: str = ""
    """Where images are pushed to; empty where they stay on the engine."""
    _taken: list[socket.socket] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        import docker

        doors = [free_port() for _ in range(2)]
        self.workspace = workspace_in(
            self.home,
            AIRLOOP_REGISTRY=self.registry,
            AIRLOOP_PREFIX=f"airloop-t-{secrets.token_hex(4)}",
            AIRLOOP_GATEWAY=f"http://127.0.0.1:{doors[0]}",
            AIRLOOP_GATEWAY_ADMIN=f"http://127.0.0.1:{doors[1]}",
        )
        self.engine = docker.from_env()
        self.made: list[str] = []
        one, two, three = (self.packaged(model_bundle(self.workspace, number)) for number in (1, 2, 3))
        self.bundles = (one, two, three)
        self.target = self.opened_anew()
        headers = {"authorization": f"Bearer {read_or_make(self.home).infer}"}
        self.client = httpx.Client(base_url=self.workspace.gateway_url, headers=headers, timeout=60, trust_env=False)

    def packaged(self, bundle: BundleRef, pipeline: str = "flights") -> BundleRef:
        """Return the bundle with an image that was made of it."""
        image = images.build(self.workspace, pipeline, open_bundle(self.workspace, bundle.digest))
        self.made.append(image.reference)
        sbom = evidence.record_sbom(self.workspace, image)
        return bundle.model_copy(update={"image": image.reference, "sbom": sbom})

    def packaged_anew(self, number: int, pipeline: str = "flights") -> BundleRef:
        """Return another version, in an image of its own."""
        return self.packaged(model_bundle(self.workspace, number, pipeline=pipeline), pipeline)

    def opened_anew(self, serving: Serving | None = None) -> DockerTarget:
        spec = pipeline_with(self.home).spec
        return DockerTarget(self.workspace, spec.model_copy(update={"serving": serving or spec.serving}))

    def send(self, requests: int) -> Counter[str]:
        answers = [self.client.post("/v2/models/flights/infer", json=ROW) for _ in range(requests)]
        return Counter(answer.raise_for_status().json()["model_version"] for answer in answers)

    def containers(self, role: str = "") -> dict[str, str]:
        """Return the names of this stack's containers with their states."""
        wanted = [f"dev.airloop.stack={self.workspace.prefix}", *([f"dev.airloop.role={role}"] if role else [])]
        found = self.engine.containers.list(all=True, filters={"label": wanted}, ignore_removed=True)
        return {container.name: container.status for container in found}

    def server(self, version: str) -> Container:
        """Return the container of a version."""
        found = (self.engine.containers.get(name) for name in self.containers("server"))
        return next(one for one in found if one.labels["dev.airloop.version"] == version)

    def restart(self) -> None:
        """As the engine does it when the machine lost its power."""
        names = self.containers()
        for act in ("kill", "start"):
            for name in names:
                getattr(self.engine.containers.get(name), act)()
        until = time.monotonic() + 60
        while not all(self._is_ready(name) for name in self.containers("server")):
            if time.monotonic() > until:
                raise RuntimeError(f"not ready again: {self.containers()}")
            time.sleep(0.05)

    def _is_ready(self, name: str) -> bool:
        with ServerClient(f"{self.workspace.gateway_admin_url}/-/{name}", "nobody") as server:
            return server.ready()

    def stop(self) -> None:
        """Let nobody be there, and somebody else at the gateway's port."""
        for name in self.containers("gateway"):
            self.engine.containers.get(name).remove(force=True)
        for url in (self.workspace.gateway_url, self.workspace.gateway_admin_url):
            self._taken.append(socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))))

    def close(self) -> None:
        for taken in self._taken:
            taken.close()
        self.client.close()
        for name in self.containers():
            self._remove(self.engine.containers.get(name).remove)
        for volume in self.engine.volumes.list():
            if volume.name.startswith(f"{self.workspace.prefix}-"):
                self._remove(volume.remove)
        for reference in self.made:
            self._remove_image(reference)
        self.engine.close()

    def _remove_image(self, reference: str) -> None:
        from docker.errors import APIError

        try:
            self._remove(lambda **how: self.engine.images.remove(reference, **how))
        except APIError as error:
            # The same bundle on the same base is the same image: tests that run beside these may be serving it.
            if error.status_code != 409:
                raise

    @staticmethod
    def _remove(remove: Callable[..., object]) -> None:
        from docker.errors import NotFound

        with contextlib.suppress(NotFound):
            remove(force=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
