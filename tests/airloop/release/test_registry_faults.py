"""A registry that stops in the middle: it is named, the champion serves, nothing is left behind, and a retry heals."""

from __future__ import annotations

import itertools
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from airloop import images
from airloop.bundle import Bundle, open_bundle
from airloop.errors import Unreachable
from airloop.refs import BundleRef
from airloop.release.waiting import Pace
from airloop.spec.model import Release, Serving
from airloop.verification import Verification, verify

from .docker_rig import DockerRig, free_port
from .door import Door
from .rigs import model_bundle, released

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

QUICK = {"steps": [50, 100], "min_requests": 1, "step_timeout": "1s", "on_inconclusive": "promote"}
NUMBERS = itertools.count(4)
START_S = 60.0
BY_ENGINE = "(?s:.*)User-Agent: docker"


@dataclass
class OwnRegistry:
    """A registry of this module's own, with a door in front of it that everybody goes through."""

    engine: DockerClient
    container: Any = field(init=False)
    door: Door = field(init=False)
    address: str = field(init=False)

    def __post_init__(self) -> None:
        port, listening = free_port(), socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{listening.getsockname()[1]}/models"
        self.door = Door(listening, ("127.0.0.1", port), holds=True)
        ports = {"5000/tcp": ("127.0.0.1", port)}
        self.container = self.engine.containers.run("registry:2", detach=True, ports=ports)
        self.await_answer()

    def stop(self) -> None:
        self.container.kill()

    def start(self) -> None:
        self.container.start()
        self.await_answer()

    def await_answer(self) -> None:
        until = time.monotonic() + START_S
        while True:
            with suppress(httpx.TransportError):
                httpx.get(f"http://{self.address.partition('/')[0]}/v2/", trust_env=False).raise_for_status()
                return
            assert time.monotonic() < until, "the registry does not start"
            time.sleep(0.1)

    def close(self) -> None:
        self.container.remove(force=True, v=True)
        self.door.close()


@pytest.fixture(scope="module")
def registry() -> Iterator[OwnRegistry]:
    import docker

    with closing(docker.from_env()) as engine, closing(OwnRegistry(engine)) as own:
        yield own


@pytest.fixture(scope="module")
def stack(registry: OwnRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRig]:
    """A gateway and a champion whose images came through the registry."""
    rig = DockerRig(tmp_path_factory.mktemp("stack"), registry=registry.address)
    try:
        assert run_release(rig, rig.bundles[0]) == "RELEASED"
        yield rig
    finally:
        for name in names(rig):
            with suppress(Exception):  # a container that is about to be removed may still use it
                rig.engine.images.remove(name, force=True)
        rig.close()


@pytest.fixture
def rig(stack: DockerRig, registry: OwnRegistry) -> Iterator[DockerRig]:
    """The stack; afterwards the registry runs, and there is one gateway and one champion and nothing else."""
    yield stack
    registry.start()
    assert Counter(stack.containers().values()) == {"running": 2}
    assert len(stack.containers("server")) == 1


def names(rig: DockerRig) -> set[str]:
    """Return the names that images of this stack have on the engine."""
    found = (name for image in rig.engine.images.list() for name in (*image.tags, *image.attrs["RepoDigests"]))
    return {name for name in found if name.startswith((rig.registry, f"{rig.workspace.prefix}/"))}


def run_release(rig: DockerRig, bundle: BundleRef) -> str:
    return released(rig, bundle, QUICK, Pace(look_every_s=0.2, tell_every_s=1, silence_s=2)).outcome


def run_verify(rig: DockerRig, bundle: BundleRef) -> Verification:
    spec = SimpleNamespace(gates=(), serving=Serving(), release=Release(target="docker"))
    return verify(rig.workspace, SimpleNamespace(spec=spec), bundle.digest, bundle.image)[1]


def new_bundle(rig: DockerRig) -> Bundle:
    """Return a bundle of which there is no image yet."""
    return open_bundle(rig.workspace, model_bundle(rig.workspace, next(NUMBERS)).digest)


def pushed(rig: DockerRig) -> BundleRef:
    """Return a bundle whose image is in the registry alone."""
    bundle = rig.packaged_anew(next(NUMBERS))
    images.remove(rig.workspace, [bundle.image])
    return bundle


def stopped_at(registry: OwnRegistry, request: str, work: Callable[[], object]) -> None:
    """Do ``work`` while the registry stops at a request; what is said names it and can be tried again."""
    registry.door.when(request, registry.stop)
    with pytest.raises(
        Unreachable, match=rf"registry {registry.address} does not answer at 127\.0\.0\.1:\d+: "
    ) as told:
        work()
    assert not registry.door.is_waiting, f"no {request} came"
    assert told.value.retryable
    assert str(told.value).endswith("Check AIRLOOP_REGISTRY and AIRLOOP_REGISTRY_ADDRESS")


@pytest.mark.parametrize(
    "request_",
    ["GET /v2/ ", "HEAD .*/flights/blobs/", "POST .*/flights/blobs/uploads/", "PUT .*/flights/manifests/"],
    ids=["asked", "looked-up", "uploaded", "named"],
)
def test_it_stops_while_a_bundle_is_packaged(registry: OwnRegistry, rig: DockerRig, request_: str) -> None:
    bundle, before = new_bundle(rig), names(rig)
    stopped_at(registry, request_, lambda: images.build(rig.workspace, "flights", bundle))
    assert rig.send(5).total() == 5
    assert names(rig) == before
    registry.start()
    made = images.build(rig.workspace, "flights", bundle)
    images.ready(rig.workspace, made.reference)


@pytest.mark.parametrize(
    "request_", ["GET .*/serving-base/manifests/", f"GET /v2/ {BY_ENGINE}"], ids=["asked", "pushed"]
)
def test_it_stops_while_the_base_is_pushed(registry: OwnRegistry, rig: DockerRig, request_: str) -> None:
    other, bundle = replace(rig.workspace, registry=f"{registry.address}/other-{next(NUMBERS)}"), new_bundle(rig)
    registry.door.when(request_, registry.stop)
    with pytest.raises(Unreachable, match=registry.address) as told:
        images.build(other, "flights", bundle)
    assert told.value.retryable and not registry.door.is_waiting
    assert rig.send(5).total() == 5
    registry.start()
    images.ready(other, images.build(other, "flights", bundle).reference)


@pytest.mark.parametrize("request_", ["GET /v2/ ", "GET .*/flights/manifests/", "GET .*/flights/blobs/"])
def test_it_stops_while_an_image_is_verified(registry: OwnRegistry, rig: DockerRig, request_: str) -> None:
    bundle, before = pushed(rig), names(rig)
    stopped_at(registry, request_, lambda: run_verify(rig, bundle))
    assert rig.containers("verification") == {}
    assert rig.send(5).total() == 5
    assert names(rig) == before
    registry.start()
    assert run_verify(rig, bundle).passed


@pytest.mark.parametrize("request_", ["GET /v2/ ", "GET .*/flights/manifests/", "GET .*/flights/blobs/"])
def test_it_stops_while_the_engine_pulls(registry: OwnRegistry, rig: DockerRig, request_: str) -> None:
    bundle, before = pushed(rig), names(rig)
    registry.door.when(request_ + BY_ENGINE, registry.stop)
    with pytest.raises(Unreachable, match=registry.address):
        images.ready(rig.workspace, bundle.image)
    assert not registry.door.is_waiting
    assert names(rig) == before
    registry.start()
    images.ready(rig.workspace, bundle.image)


@pytest.mark.parametrize("request_", ["GET /v2/ ", "GET .*/flights/blobs/"])
def test_it_stops_while_a_release_starts(registry: OwnRegistry, rig: DockerRig, request_: str) -> None:
    live = rig.workspace.ledger.live("flights", "docker")
    bundle = pushed(rig)
    stopped_at(registry, request_, lambda: run_release(rig, bundle))
    assert rig.workspace.ledger.live("flights", "docker") == live
    assert set(rig.send(5)) == {live.version if live else ""}
    assert len(rig.containers()) == 2
    registry.start()
    assert run_release(rig, bundle) == "RELEASED"
    assert set(rig.send(5)) == {bundle.version}


def test_what_is_on_the_engine_needs_no_registry(registry: OwnRegistry, rig: DockerRig) -> None:
    bundle = pushed(rig)
    images.ready(rig.workspace, bundle.image)
    registry.stop()
    assert run_verify(rig, bundle).passed
    assert run_release(rig, bundle) == "RELEASED"
    assert set(rig.send(5)) == {bundle.version}
