"""An engine that stops, dies, fills up or loses an image in the middle: the champion serves, and a retry heals."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace

import httpx
import pytest

from airloop import images
from airloop.bundle import Bundle, open_bundle
from airloop.errors import Unreachable
from airloop.images import building, leftovers
from airloop.refs import BundleRef
from airloop.release.waiting import Pace
from airloop.spec.model import Release, Serving
from airloop.verification import Verification, verify
from airloop.verification import leftovers as verifications
from airloop.workspace import Workspace

from .docker_rig import DockerRig
from .own_engine import OwnEngine
from .rigs import model_bundle, released

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

QUICK = {"steps": [50, 100], "min_requests": 1, "step_timeout": "1s", "on_inconclusive": "promote"}
NUMBERS = itertools.count(4)
BACK_S = 60.0
NEEDED = ("python:3.11-slim-bookworm", "nginx:1.28", "registry:2")

# As docker/serve.Dockerfile: a stage that goes, and what is labelled before it is whole.
HALF_MADE = """
FROM {python} AS stage
LABEL {label}={key}
RUN echo whole >/stage
FROM {python}
LABEL {label}=base
COPY --from=stage /stage /
RUN echo half >/half
RUN sleep 60
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    """An engine that may be broken, which DOCKER_HOST names in this module."""
    if os.getuid():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("only root can start a Docker engine of its own")
    home = tmp_path_factory.mktemp("home")
    base = serving_base(Workspace.from_environment({"AIRLOOP_HOME": str(home)}))
    own = OwnEngine()
    with contextlib.ExitStack() as given:
        given.callback(own.close)
        own.start()
        own.take(*NEEDED, *base)
        given.enter_context(pytest.MonkeyPatch.context()).setenv("DOCKER_HOST", own.host)
        yield own


def serving_base(workspace: Workspace) -> list[str]:
    """Return the tags of the base serving image and of the image below it, made on everybody's engine if need be."""
    import docker

    reference = images.base(workspace).reference
    with closing(docker.from_env()) as client:
        layers = client.images.get(reference).attrs["RootFS"]["Layers"]
        tags = []
        for image in client.images.list():
            below = image.attrs["RootFS"].get("Layers") or ["none"]
            tags += [tag for tag in image.tags if tag.startswith("airloop/") and layers[: len(below)] == below]
    return tags


@pytest.fixture(scope="module")
def stack(engine: OwnEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRig]:
    """A gateway and a champion on an engine that may be broken."""
    with closing(DockerRig(tmp_path_factory.mktemp("stack"))) as rig:
        assert run_release(rig, rig.bundles[0]) == "RELEASED"
        yield rig


@pytest.fixture
def rig(stack: DockerRig) -> Iterator[DockerRig]:
    """The stack, of which nothing may be left behind that was not there before but one champion for another."""
    yield stack
    assert Counter(stack.containers()) == Counter({name: "running" for name in stack.containers()})
    assert len(stack.containers("server")) == 1 and len(stack.containers()) == 2, stack.containers()


def run_release(
    rig: DockerRig, bundle: BundleRef, *, silence_s: float = 2, report: Callable[[str], None] = print
) -> str:
    """Release as a task does; an engine that is silent for longer than ``silence_s`` ends it."""
    return released(
        rig, bundle, QUICK, Pace(look_every_s=0.2, tell_every_s=1, silence_s=silence_s), report=report
    ).outcome


def run_verify(rig: DockerRig, bundle: BundleRef) -> Verification:
    """Verify the image of a bundle."""
    spec = SimpleNamespace(gates=(), serving=Serving(), release=Release(target="docker"))
    return verify(rig.workspace, SimpleNamespace(spec=spec), bundle.digest, bundle.image)[1]


def champion(rig: DockerRig) -> str:
    """Return the version that the ledger has as live."""
    live = rig.workspace.ledger.live("flights", "docker")
    assert live is not None
    return live.version


def serves(rig: DockerRig, version: str) -> None:
    """Wait until requests are answered again, and see that it is by this version alone."""
    deadline = time.monotonic() + BACK_S
    while True:
        try:
            assert set(rig.send(5)) == {version}
            return
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.1)


def new_bundle(rig: DockerRig) -> Bundle:
    """Return a bundle of which there is no image yet."""
    return open_bundle(rig.workspace, model_bundle(rig.workspace, next(NUMBERS)).digest)


def broken_at(engine: OwnEngine, request: str, act: Callable[[], None], work: Callable[[], object]) -> str:
    """Do ``work`` while the engine breaks at a request; return what it said."""
    engine.door.when(request, act)
    with pytest.raises(Unreachable) as told:
        work()
    assert not engine.door.is_waiting, f"no {request} came"
    return str(told.value)


def end_in_step(engine: OwnEngine, command: str) -> None:
    """Kill the engine once a container runs the step of a build."""
    while command not in engine.docker("ps", "--no-trunc", "--format", "{{.Command}}"):
        time.sleep(0.1)
    engine.kill()


def test_an_engine_that_dies_in_the_middle_of_a_build(engine: OwnEngine, rig: DockerRig) -> None:
    live, bundle = champion(rig), new_bundle(rig)
    broken_at(engine, "POST .*/images/load", engine.kill, lambda: images.build(rig.workspace, "flights", bundle))
    engine.start()
    serves(rig, live)
    made = images.build(rig.workspace, "flights", bundle)
    images.ready(rig.workspace, made.reference)


def test_what_a_build_left_whose_engine_died_is_swept_up(engine: OwnEngine, rig: DockerRig) -> None:
    live, key = champion(rig), secrets.token_hex(16)
    text = HALF_MADE.format(python=NEEDED[0], label=building.BUILT_FOR, key=key)
    with pytest.raises(Unreachable):
        threading.Thread(target=end_in_step, args=(engine, "sleep 60"), daemon=True).start()
        building.build(rig.engine, text, {}, tag="t:1", key=key)
    engine.start()
    serves(rig, live)
    half_made = {"dangling": True, "label": building.BUILT_FOR}
    assert len(rig.engine.api.images(filters=half_made)) == 2
    assert leftovers.sweep(rig.engine) == []
    assert len(leftovers.sweep(rig.engine, old_s=-60)) == 2
    assert rig.engine.api.images(filters=half_made) == []
    assert not rig.engine.containers.list(all=True, filters={"ancestor": NEEDED[0], "status": "exited"})


@pytest.mark.parametrize(
    ("request_", "how"),
    [("POST .*/containers/create", "kill"), ("POST .*/start", "stop"), ("POST .*/exec", "kill")],
    ids=["made", "started", "looked-into"],
)
def test_an_engine_that_ends_in_the_middle_of_a_verification(
    engine: OwnEngine, rig: DockerRig, request_: str, how: str
) -> None:
    live, bundle = champion(rig), rig.packaged_anew(next(NUMBERS))
    broken_at(engine, request_, getattr(engine, how), lambda: run_verify(rig, bundle))
    engine.start()
    serves(rig, live)
    assert run_verify(rig, bundle).passed
    left = rig.containers("verification")  # killed with the engine
    assert "running" not in left.values()
    assert verifications.sweep(rig.engine, rig.workspace) == []
    assert set(verifications.sweep(rig.engine, rig.workspace, old_s=-60)) == set(left)  # as if an hour had passed
    assert rig.containers("verification") == {}


@pytest.mark.parametrize(
    ("request_", "how"),
    [("POST .*/containers/create", "kill"), ("POST .*/start", "stop"), ("PUT .*/archive", "kill")],
    ids=["made", "started", "routed"],
)
def test_an_engine_that_ends_in_the_middle_of_a_rollout(
    engine: OwnEngine, rig: DockerRig, request_: str, how: str
) -> None:
    live, bundle = champion(rig), rig.packaged_anew(next(NUMBERS))
    broken_at(engine, request_, getattr(engine, how), lambda: run_release(rig, bundle))
    assert champion(rig) == live
    engine.start()
    serves(rig, live)
    assert run_release(rig, bundle) == "RELEASED"
    serves(rig, bundle.version)


def test_a_rollout_waits_for_an_engine_that_comes_back(engine: OwnEngine, rig: DockerRig) -> None:
    bundle, lines = rig.packaged_anew(next(NUMBERS)), []

    def report(line: str) -> None:
        if "50 %" in line and not lines:
            engine.stop()
            threading.Timer(1, engine.start).start()
        lines.append(line)

    assert run_release(rig, bundle, silence_s=BACK_S, report=report) == "RELEASED", lines
    serves(rig, bundle.version)


def test_rolling_back_waits_for_an_engine_that_comes_back(engine: OwnEngine, rig: DockerRig) -> None:
    live, bundle, lines = champion(rig), rig.packaged_anew(next(NUMBERS)), []
    undecided = QUICK | {"on_inconclusive": "roll_back", "min_requests": 1000}

    def report(line: str) -> None:
        if line.startswith("50 %: INCONCLUSIVE, rolling back"):
            engine.stop()
            threading.Timer(1, engine.start).start()
        lines.append(line)

    pace = Pace(look_every_s=0.2, tell_every_s=1, silence_s=BACK_S)
    assert released(rig, bundle, undecided, pace, report=report).outcome == "ROLLED_BACK"
    assert any(line.startswith("no answer, trying again") for line in lines), lines
    serves(rig, live)


def test_an_image_deleted_under_our_feet_is_made_again(engine: OwnEngine, rig: DockerRig) -> None:
    bundle = rig.packaged_anew(next(NUMBERS))
    engine.docker("rmi", "-f", bundle.image)
    assert run_verify(rig, bundle).passed
    engine.docker("rmi", "-f", bundle.image)
    assert run_release(rig, bundle) == "RELEASED"
    serves(rig, bundle.version)


def test_a_full_disk(engine: OwnEngine, rig: DockerRig) -> None:
    live, bundle = champion(rig), new_bundle(rig)
    packaged = rig.packaged_anew(next(NUMBERS))
    engine.fill(but=0)
    try:
        with pytest.raises(Unreachable, match="no space left on device"):
            images.build(rig.workspace, "flights", bundle)
        with pytest.raises(Unreachable, match="no space left on device"):
            run_verify(rig, packaged)
        with pytest.raises(Unreachable, match="no space left on device"):
            run_release(rig, packaged)
        serves(rig, live)
    finally:
        engine.make_room()
    assert run_release(rig, packaged) == "RELEASED"
    images.ready(rig.workspace, images.build(rig.workspace, "flights", bundle).reference)


def test_a_gateway_s_port_that_is_taken(engine: OwnEngine, rig: DockerRig) -> None:
    live, bundle = champion(rig), rig.packaged_anew(next(NUMBERS))
    (gateway,) = rig.containers("gateway")
    port = int(rig.workspace.gateway_admin_url.rpartition(":")[2])
    engine.docker("stop", gateway)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(Unreachable, match=f"{port} is taken"):
        run_verify(rig, bundle)
    assert rig.containers("verification") == {}
    assert run_verify(rig, bundle).passed
    serves(rig, live)
