"""Verification of the very image, on a real engine; whatever happens its container is gone."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from airloop import images
from airloop.bundle.locked import requirements
from airloop.errors import ImageError, Unreachable
from airloop.images.facts import KIND, name_of
from airloop.serving import proof
from airloop.spec.gates import LimitGate
from airloop.spec.model import Release, Serving
from airloop.verification import leftovers, probe, verify
from airloop.verification.confinement import Seen, problems
from airloop.verification.container import running_container
from airloop.verification.replay import replay

from .stack import containers, own_stack

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]  # the first test may have to build the base image

GENEROUS = {"latency_p99_ms": 5_000, "bundle_mb": 5, "start_s": 60, "memory_mb": 400, "image_mb": 2_000}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with own_stack(tmp_path_factory.mktemp("home")) as stack:
        yield stack


@pytest.fixture(scope="module")
def client():
    import docker

    engine = docker.from_env()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def packaged(kit, workspace):
    """A bundle and the image made of it."""
    bundle = kit.write_bundle(workspace.store, proved=False, requirements=requirements(with_pandas=False))
    return bundle, images.build(workspace, bundle.pipeline, bundle)


def spec(*limits, scan=None, **serving):
    """Return a pipeline of which verification sees gates, limits and the scanner."""
    gates = tuple(LimitGate(**given) for given in limits)
    return SimpleNamespace(
        spec=SimpleNamespace(gates=gates, serving=Serving(**serving), release=Release(target="docker", scan=scan))
    )


def left(workspace):
    """Return what is left of verifications."""
    return containers(workspace.prefix, "verification")


def derived(workspace, client, packaged, instruction):
    """Return an image that somebody made of ours, and put on record as ours."""
    _, image = packaged
    dockerfile = io.BytesIO(f"FROM {image.reference}\n{instruction}\n".encode())
    made, _ = client.images.build(
        fileobj=dockerfile, tag=f"{workspace.prefix}/derived:{abs(hash(instruction))}", rm=True
    )
    record = replace(images.find(workspace, image.reference), reference=made.id)
    workspace.store.put_json(KIND, name_of(made.id), asdict(record))
    return made.id


def test_the_image_that_ships_passes_and_is_not_verified_twice(workspace, packaged):
    bundle, image = packaged
    name, result = verify(workspace, spec(GENEROUS), bundle.digest, image.reference)
    assert (result.passed, result.reasons, result.image) == (True, (), image.reference)
    assert result.largest_difference == 0.0 and result.ways == "arrays, forest"
    assert result.user == "10001"
    assert result.writable == ("/dev/mqueue", "/run/airloop", "/tmp")  # noqa: S108
    assert 0 < result.latency_p50_ms <= result.latency_p99_ms
    assert 100 < result.image_mb < 1_000 and 10 < result.memory_mb < 400 and 0.1 < result.start_s < 60
    assert left(workspace) == {}
    again = verify(workspace, spec(GENEROUS), bundle.digest, image.reference)
    assert again == (name, result), "measured anew, its times would differ"
    assert verify(workspace, spec(GENEROUS, memory="400MB"), bundle.digest, image.reference)[0] != name


def test_limits_on_the_container_decide(workspace, packaged):
    bundle, image = packaged
    tight = spec({"start_s": 0.01}, {"memory_mb": 1, "image_mb": 1}, {"latency_p99_ms": 0.001, "mode": "shadow"})
    _, result = verify(workspace, tight, bundle.digest, image.reference)
    assert not result.passed
    said = [reason.partition(" is above ")[2] for reason in result.reasons]
    assert said == ["0.01 s", "1 MB", "1 MB", "0.001 ms"]
    assert left(workspace) == {}


def test_a_server_that_needs_more_memory_than_it_gets_is_a_reason(workspace, packaged):
    bundle, image = packaged
    _, result = verify(workspace, spec(memory="12MB"), bundle.digest, image.reference)
    assert not result.passed
    assert "it needed more memory than serving.memory allows, 12MB" in result.reasons[0]
    assert left(workspace) == {}


def test_wrong_golden_answers_are_a_reason(kit, workspace):
    bundle = kit.write_bundle(workspace.store, expected=[0.1] * 5, requirements=requirements(with_pandas=False))
    image = images.build(workspace, bundle.pipeline, bundle)
    _, result = verify(workspace, spec(), bundle.digest, image.reference)
    assert not result.passed
    assert "the server died at its start (exit code 1)" in result.reasons[0] and "golden" in result.reasons[0]
    assert left(workspace) == {}


def test_a_shortcut_that_was_not_proved_is_not_taken(kit, workspace):
    bundle = kit.write_bundle(workspace.store, "2", proved=False, requirements=requirements(with_pandas=False))
    shown = proof.Proof(arrays=True, forest=False, reason="forest: for this test")
    proof.keep(workspace.store, bundle.digest, shown)
    image = images.build(workspace, bundle.pipeline, bundle)
    _, result = verify(workspace, spec(), bundle.digest, image.reference)
    assert (result.passed, result.ways) == (True, "arrays, native"), result.reasons


def test_an_image_of_another_bundle_is_refused(kit, workspace, packaged):
    other = kit.write_bundle(workspace.store, "3", requirements=requirements(with_pandas=False))
    with pytest.raises(ImageError, match=f"holds bundle {packaged[0].digest[:12]}, not {other.digest[:12]}"):
        verify(workspace, spec(), other.digest, packaged[1].reference)
    assert left(workspace) == {}


def test_an_image_nobody_made_is_refused(workspace, packaged):
    with pytest.raises(ImageError, match="is unknown"):
        verify(workspace, spec(), packaged[0].digest, "sha256:" + "0" * 64)


def test_an_image_that_runs_as_root_is_refused(workspace, client, packaged):
    rooted = derived(workspace, client, packaged, "USER root")
    with pytest.raises(ImageError, match="runs as root where nobody says otherwise"):
        verify(workspace, spec(), packaged[0].digest, rooted)


def test_an_image_that_brings_a_writable_place_is_refused_and_leaves_no_volume(workspace, client, packaged):
    open_place = derived(workspace, client, packaged, "VOLUME /run/lock")
    before = {volume.name for volume in client.volumes.list()}
    _, result = verify(workspace, spec(), packaged[0].digest, open_place)
    assert not result.passed
    assert result.reasons == ("the server can write /run/lock; only /run/airloop and /tmp are allowed",)
    assert {name for name in {volume.name for volume in client.volumes.list()} - before if len(name) == 64} == set()


def test_a_scanner_decides_and_looks_every_time(workspace, packaged, tmp_path):
    bundle, image = packaged
    seen = tmp_path / "seen"
    scan = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"a\").write(sys.argv[2])' {seen} {{image}}"
    for times in (1, 2):
        _, result = verify(workspace, spec(GENEROUS, scan=scan), bundle.digest, image.reference)
        assert result.passed
        assert seen.read_text() == image.reference * times
    name, result = verify(workspace, spec(GENEROUS, scan="false {image}"), bundle.digest, image.reference)
    assert not result.passed
    assert result.reasons == ("release.scan: 'false' refuses the image (exit code 1): no word",)
    assert workspace.store.get_json("verifications", name)["passed"] is False


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("verification", r"the server was stopped while it was asked \(exit code 0\), not by itself"),
        ("gateway", r"It still runs: was the gateway stopped\? Try again"),
    ],
)
def test_what_is_stopped_by_others_is_no_verdict(workspace, client, packaged, role, said):
    bundle, image = packaged
    with (
        pytest.raises(Unreachable, match=said),
        running_container(workspace, Serving(), bundle, image.reference) as server,
    ):
        (name,) = containers(workspace.prefix, role)
        client.containers.get(name).stop(timeout=10)
        replay(server, bundle)
    assert left(workspace) == {}


def test_the_server_stops_when_who_verifies_is_killed_and_the_next_one_sweeps(workspace, client, packaged, tmp_path):
    bundle, image = packaged
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from airloop.bundle import open_bundle\n"
        "from airloop.spec.model import Serving\n"
        "from airloop.verification.container import running_container\n"
        "from airloop.workspace import Workspace\n"
        "workspace = Workspace.from_environment()\n"
        f"bundle = open_bundle(workspace, {bundle.digest!r})\n"
        f"with running_container(workspace, Serving(cpus=0.5), bundle, {image.reference!r}):\n"
        f"    Path({str(tmp_path / 'up')!r}).touch()\n"
        "    time.sleep(60)\n"
    )
    env = os.environ | {
        "AIRLOOP_HOME": str(workspace.home),
        "AIRLOOP_PREFIX": workspace.prefix,
        "AIRLOOP_GATEWAY": workspace.gateway_url,
        "AIRLOOP_GATEWAY_ADMIN": workspace.gateway_admin_url,
        "PYTHONPATH": "include",
    }
    parent = subprocess.Popen([sys.executable, "-c", script], env=env, cwd=Path(__file__).parents[3])
    try:
        awaited(lambda: (tmp_path / "up").exists() or parent.poll() is not None)
        ((name, status),) = left(workspace).items()
        assert status == "running"
        limits = client.containers.get(name).attrs["HostConfig"]
        assert (limits["NanoCpus"], limits["Memory"], limits["MemorySwap"]) == (500_000_000, 512_000_000, 512_000_000)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    awaited(lambda: left(workspace) == {name: "exited"})
    assert leftovers.sweep(client, workspace) == []  # too young to be sure that it is nobody's
    assert leftovers.sweep(client, workspace, old_s=-5) == [name]
    assert left(workspace) == {}


def test_the_probe_finds_every_freedom_of_a_container_that_nobody_confined(client):
    source = Path(probe.__file__).read_text(encoding="utf-8")
    free = client.containers.run("python:3.11-slim-bookworm", ["sleep", "60"], detach=True)
    try:
        ended, said = free.exec_run(["python", "-I", "-c", source])
    finally:
        free.remove(force=True)
    assert ended == 0, said
    found = problems(msgspec.json.decode(said, type=Seen))
    assert [reason.partition(",")[0].partition(" (")[0] for reason in found] == [
        "the server runs as root",
        "the server holds or could get capabilities",
        "the server could gain privileges by running a set-user-ID program",
        "the server can write /; only /run/airloop and /tmp are allowed",
        "the server reaches a network",
    ]


def awaited(is_true):
    deadline = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
