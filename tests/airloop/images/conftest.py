"""A stack of the tests' own on the real engine, small real bundles, and a real registry."""

from __future__ import annotations

import dataclasses
import importlib.util
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from docker.errors import NotFound

from airloop import images
from airloop.bundle import Bundle
from airloop.bundle.locked import requirements
from airloop.workspace import Workspace

MODELS = Path(__file__).parents[1] / "serving" / "conftest.py"


@pytest.fixture(scope="session")
def models():
    """What makes small real bundles."""
    described = importlib.util.spec_from_file_location("bundles_for_images", MODELS)
    module = importlib.util.module_from_spec(described)
    sys.modules[module.__name__] = module
    described.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def client():
    """The engine, asked directly."""
    import docker

    with closing(docker.from_env(timeout=120)) as asked:
        yield asked


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, client) -> Iterator[Workspace]:
    """A workspace whose images are removed afterwards; the base stays, as tests share it."""
    home = tmp_path_factory.mktemp("home")
    prefix = f"airloop-t-{secrets.token_hex(4)}"
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(home), "AIRLOOP_PREFIX": prefix})
    yield workspace
    for image in client.images.list():
        for name in image.tags:
            if name.startswith(prefix):
                client.images.remove(name, force=True)


@pytest.fixture
def bundle(stack: Workspace, models) -> Callable[..., Bundle]:
    """Makes bundles without feature code."""

    def make(version: str = "1", wanted: str | None = None) -> Bundle:
        wanted = requirements(with_pandas=False) if wanted is None else wanted
        return models.write_bundle(stack.store, version, requirements=wanted)

    return make


@pytest.fixture(scope="module")
def registry(stack: Workspace, client) -> Iterator[Workspace]:
    """The same stack with a registry, which has no image yet."""
    port = find_port()
    ports = {"5000/tcp": ("127.0.0.1", port)}
    container = client.containers.run("registry:2", detach=True, name=f"{stack.prefix}-registry", ports=ports)
    address = f"127.0.0.1:{port}/models"
    try:
        wait_for(address)
        yield dataclasses.replace(stack, registry=address)
    finally:
        container.remove(force=True, v=True)
        for image in client.images.list():
            for name in [*image.tags, *image.attrs["RepoDigests"]]:
                if name.startswith(address):
                    with suppress(NotFound):  # its tag was its last name
                        client.images.remove(name, force=True)


@pytest.fixture(scope="module")
def built(stack: Workspace, models) -> tuple[Bundle, images.Image]:
    """A bundle and its image, on the engine."""
    made = models.write_bundle(stack.store, "1", requirements=requirements(with_pandas=False))
    return made, images.build(stack, "flights", made)


@pytest.fixture(scope="session")
def answering() -> Callable[[str], None]:
    """Waits until a registry answers."""
    return wait_for


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    return find_port()


def find_port() -> int:
    """Return a port that stays the same when what listens there is started again."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        return int(free.getsockname()[1])


def wait_for(address: str) -> None:
    until = time.monotonic() + 60
    while not _answers(f"http://{address.partition('/')[0]}/v2/"):
        assert time.monotonic() < until
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code in (200, 401)
    except httpx.TransportError:
        return False
