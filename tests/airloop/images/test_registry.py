"""Images in a real registry: the same digest each time, no engine needed, and what is altered is named."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import os
import subprocess
import sys
import tarfile
import time

import pytest

from airloop import images
from airloop.bundle.locked import requirements
from airloop.errors import ImageError, Unreachable
from airloop.images import archive, bases, layers, pulled, pushing
from airloop.images.registry import Registry

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]  # the base is pushed once

USERS = b"somebody:$2b$04$S8XLBgv2rf1bbAPTGSvpO.Sp5YnVSXC3wVtggSE/RsvTC1x/KRFpO\n"
REGISTRY = "/var/lib/registry/docker/registry/v2"


@pytest.fixture(scope="module")
def pushed(registry, models):
    """A bundle and its image, in the registry."""
    made = models.write_bundle(registry.store, "1", requirements=requirements(with_pandas=False))
    return made, images.build(registry, "flights", made)


def overwrite(client, registry, digest: str, data: bytes) -> None:
    """Change a blob where the registry keeps it."""
    name = digest.removeprefix("sha256:")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("data")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    container = client.containers.get(f"{registry.prefix}-registry")
    assert container.put_archive(f"{REGISTRY}/blobs/sha256/{name[:2]}/{name}", stream.getvalue())


def lose(client, registry, digest: str, wait_for) -> None:
    """Take a blob away from the repository."""
    container = client.containers.get(f"{registry.prefix}-registry")
    name = digest.removeprefix("sha256:")
    folder = f"{REGISTRY}/repositories/models/flights/_layers/sha256/{name}"
    assert container.exec_run(["rm", "-r", folder]).exit_code == 0
    container.restart(timeout=0)  # it remembers which blobs it has
    wait_for(registry.registry)


def test_the_same_bundle_has_the_same_digest_whoever_builds(registry, pushed, tmp_path):
    bundle, image = pushed
    assert image.reference.startswith(f"{registry.registry}/flights@sha256:")
    elsewhere = dataclasses.replace(registry, home=tmp_path, store_url=str(tmp_path / "store"))
    again = images.build(elsewhere, "flights", bundle)
    assert again == image
    assert images.find(registry, image.reference) == image


def test_it_is_the_image_that_the_engine_would_have(registry, stack, pushed, client):
    bundle, image = pushed
    images.ready(registry, image.reference)
    local = images.build(stack, "flights", bundle)
    assert client.images.get(image.reference).id == local.reference
    assert local.layer == image.layer
    assert f"{stack.prefix}/flights:{bundle.digest[:12]}" in client.images.get(image.reference).tags


def test_a_new_model_needs_no_engine(registry, pushed, bundle, monkeypatch):
    _, image = pushed
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    other = images.build(registry, "flights", bundle("2"))
    assert (other.base, other.packages) == (image.base, image.packages)
    assert other.reference != image.reference


def test_without_an_engine_and_a_base_it_says_so(registry, bundle, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    empty = dataclasses.replace(registry, registry=f"{registry.registry}/empty", home=tmp_path)
    with pytest.raises(Unreachable, match=r"the Docker engine .*port=9.* And \S+/serving-base:for-\w+ is not there"):
        images.build(empty, "flights", bundle("3"))


def test_an_altered_or_missing_layer_is_refused_and_named(registry, bundle, client, answering):
    made = bundle("4")
    image = images.build(registry, "flights", made)
    whole = Registry(registry.registry).blob("flights", image.layer)
    overwrite(client, registry, image.layer, whole[:-1] + b"?")
    with pytest.raises(ImageError, match=rf"/flights: blob {image.layer} was altered in the registry"):
        images.ready(registry, image.reference)
    overwrite(client, registry, image.layer, whole)
    lose(client, registry, image.layer, answering)
    with pytest.raises(ImageError, match=rf"/flights: blob {image.layer} is missing from the registry"):
        images.ready(registry, image.reference)
    images.build(registry, "flights", made)
    images.ready(registry, image.reference)


def test_an_altered_manifest_is_refused_and_named(registry, bundle, client):
    image = images.build(registry, "flights", bundle("5"))
    digest = image.reference.partition("@")[2]
    overwrite(client, registry, digest, b'{"schemaVersion": 2}')
    with pytest.raises(ImageError, match=rf"manifest {digest} (was altered in|is missing from) the registry"):
        images.ready(registry, image.reference)


def test_a_registry_that_is_down_is_told_at_once(registry, pushed, client, answering):
    _, image = pushed
    container = client.containers.get(f"{registry.prefix}-registry")
    images.remove(registry, [image.reference])
    container.kill()
    try:
        began = time.monotonic()
        with pytest.raises(Unreachable, match=rf"registry {registry.registry} does not answer at 127.0.0.1:\d+: "):
            images.ready(registry, image.reference)
        assert time.monotonic() - began < 15
    finally:
        container.start()
        answering(registry.registry)


def test_removal_takes_the_engine_s_copy_and_leaves_the_registry_s(registry, bundle, client):
    image = images.build(registry, "flights", bundle("6"))
    images.ready(registry, image.reference)
    held = client.images.get(image.reference).id
    assert images.remove(registry, [held]) == (held,)
    assert not client.images.list(filters={"label": f"dev.airloop.bundle={image.bundle}"})
    images.ready(registry, image.reference)
    assert client.images.get(image.reference).id == held


def test_a_registry_behind_a_password_gets_the_docker_login(client, free_port, answering, tmp_path, monkeypatch):
    environment = {"REGISTRY_AUTH": "htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM": "models"}
    environment["REGISTRY_AUTH_HTPASSWD_PATH"] = "/etc/users"
    ports = {"5000/tcp": ("127.0.0.1", free_port)}
    container = client.containers.create("registry:2", environment=environment, ports=ports)
    try:
        stream = io.BytesIO()
        archive.write(stream, {"users": USERS})
        container.put_archive("/etc", stream.getvalue())
        container.start()
        address = f"127.0.0.1:{free_port}"
        answering(address)
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        with pytest.raises(ImageError, match=rf"registry {address} wants a login: docker login {address}"):
            Registry(address)
        for password, allowed in (("wrong", False), ("secret", True)):
            known = {address: {"auth": base64.b64encode(f"somebody:{password}".encode()).decode()}}
            (tmp_path / "config.json").write_text(json.dumps({"auths": known}))
            if allowed:
                digest = Registry(address).put_blob("flights", b"data")
                assert Registry(address).blob("flights", digest) == b"data"
            else:
                with pytest.raises(ImageError, match=r"HEAD /v2/flights/blobs/sha256:\w+: 401"):
                    Registry(address).put_blob("flights", b"data")
    finally:
        container.remove(force=True, v=True)


def test_what_nodes_pull_is_checked_without_an_engine(registry, pushed, bundle, client, monkeypatch):
    made, image = pushed
    altered = images.build(registry, "flights", bundle("7"))
    whole = Registry(registry.registry).blob("flights", altered.layer)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    there = images.pullable(registry, image.reference)
    assert (there.layers[-1], there.labels["dev.airloop.bundle"]) == (image.layer, made.digest)
    assert there.config["User"] == "10001:10001"
    overwrite(client, registry, altered.layer, whole[:-1] + b"?")
    with pytest.raises(ImageError, match=rf"/flights: blob {altered.layer} was altered in the registry"):
        images.pullable(registry, altered.reference)
    overwrite(client, registry, altered.layer, whole)
    assert images.pullable(registry, altered.reference).layers[-1] == altered.layer


def test_an_image_on_an_engine_is_nothing_that_nodes_pull(stack, built):
    with pytest.raises(ImageError, match=r"is on a Docker engine, where no cluster can pull it: set AIRLOOP_REGISTRY"):
        images.pullable(stack, built[1].reference)


def test_an_image_is_pushed_once_and_found_by_who_has_no_engine(registry, stack, pushed, client):
    below = layers.parent_of(client.images.get(images.base(stack).reference).attrs)
    below = dataclasses.replace(below, megabytes=1.0)

    def make():
        return bases.with_code(client, below, {"opt/airloop/answer": b"42"}, f"{stack.prefix}/steps")

    def nobody():
        raise Unreachable("nobody answers")

    found = pushing.published(registry, "steps", "for-test", make).base.reference
    assert found.startswith(f"{registry.registry}/steps@sha256:")
    assert pushing.published(registry, "steps", "for-test", make).base.reference == found
    assert pushing.published(registry, "steps", "for-test", nobody).base.reference == found
    with pytest.raises(Unreachable, match="nobody answers"):
        pushing.published(registry, "steps", "for-another", nobody)
    assert pulled.held(found).layers[:-1] == below.layers


def test_what_is_shared_is_pushed_ahead_for_those_without_an_engine(registry, pushed, tmp_path):
    env = os.environ | {"AIRLOOP_HOME": str(tmp_path), "AIRLOOP_REGISTRY": registry.registry, "PYTHONPATH": "include"}
    command = [sys.executable, "-m", "airloop", "images", "--no-steps"]
    said = json.loads(subprocess.run(command, env=env, check=True, capture_output=True).stdout)
    assert said["serving"] == pushed[1].base
    assert said.keys() == {"serving", "serving_with_pandas"}
    assert all(pulled.held(reference).labels["dev.airloop.packages"] for reference in said.values())
