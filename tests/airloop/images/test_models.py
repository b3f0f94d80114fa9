"""A model's image on a real engine: what is in it, what it is named, and what is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import secrets

import pytest

from airloop import images
from airloop.engine.server_container import SCRATCH
from airloop.errors import ImageError
from airloop.images import bases, layers
from airloop.images.models import tag_of
from airloop.serving import proof

pytestmark = pytest.mark.docker

CONFINED = {
    "network_mode": "none",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "tmpfs": {SCRATCH: "noexec,nosuid"},
}
LOOK = """
import json, os, pathlib, shutil, site, sys
tools = ["pip", "pip3", "gcc", "cc", "g++", "make", "ld", "uv", "conda"]
unwanted = ("pip-", "pip.", "pip_", "setuptools", "airflow", "apache", "nvidia", "pydantic")
names = {path.name.lower() for folder in sys.path if os.path.isdir(folder) for path in pathlib.Path(folder).iterdir()}
special = [str(path) for path in pathlib.Path("/usr").rglob("*") if path.is_file() and path.stat().st_mode & 0o6000]
def writes(folder):
    try:
        pathlib.Path(folder, ".probe").write_text("")
        return True
    except OSError:
        return False
folders = ["/", "/opt/airloop", "/opt/airloop/bundle", "/opt/airloop/include", "/opt/airloop/packages", "/etc", "/tmp"]
print(json.dumps({
    "user": [os.getuid(), os.getgid()],
    "tools": [tool for tool in tools if shutil.which(tool)],
    "packages": [name for name in sorted(names) if name.startswith(unwanted)],
    "special": special,
    "writable": [folder for folder in folders if writes(folder)],
}))
"""
ASK = """
import http.client, json, socket, sys, time
until = time.monotonic() + 30
while True:
    asked = http.client.HTTPConnection("server")
    asked.sock = socket.socket(socket.AF_UNIX)
    try:
        asked.sock.connect("/tmp/server.sock")
        break
    except OSError:
        assert time.monotonic() < until
        time.sleep(0.1)
asked.request("POST", "/v2/models/flights/infer", sys.argv[1], {"Authorization": "Bearer infer-token"})
print(asked.getresponse().read().decode())
"""


def run(client, image: str, *command: str, entrypoint: str | None = None) -> tuple[int, str]:
    """Run a command; return its exit code and what it said."""
    container = client.containers.create(image, list(command), entrypoint=entrypoint, **CONFINED)
    try:
        container.start()
        return container.wait(timeout=60)["StatusCode"], container.logs().decode()
    finally:
        container.remove(force=True)


def test_the_same_bundle_and_base_make_the_same_image(stack, built, client):
    bundle, image = built
    client.images.remove(tag_of(stack, "flights", bundle.digest))
    elsewhere = dataclasses.replace(stack, prefix=f"{stack.prefix}-other")
    again = images.build(elsewhere, "flights", bundle)
    assert again == image
    assert images.build(stack, "flights", bundle) == image
    assert client.images.get(image.reference).attrs["RootFS"]["Layers"][-1] == image.layer


def test_another_bundle_changes_the_last_layer_only_and_adds_little(stack, built, bundle, client):
    _, image = built
    second = bundle("2")
    other = images.build(stack, "flights", second)
    one, two = (client.images.get(found.reference).attrs for found in (image, other))
    assert other.base == image.base
    assert one["RootFS"]["Layers"][:-1] == two["RootFS"]["Layers"][:-1]
    assert other.layer != image.layer
    base = client.images.get(image.base).attrs
    assert two["Size"] - base["Size"] < second.megabytes * 1e6 + 1e6


def test_labels_tell_the_lineage(stack, built, client):
    bundle, image = built
    labels = client.images.get(image.reference).labels
    assert labels["org.opencontainers.image.title"] == "flights"
    assert labels["org.opencontainers.image.version"] == "1"
    assert labels["org.opencontainers.image.created"] == "2013-03-18T00:00:00Z"
    assert labels["dev.airloop.bundle"] == bundle.digest
    assert labels["dev.airloop.data-cut-off"] == "2013-03-18T00:00:00Z"
    assert dict(json.loads(labels["dev.airloop.packages"])).keys() == {package.name for package in image.packages}


def test_the_image_has_no_tools_and_its_user_may_write_nothing(built, client):
    _, image = built
    code, said = run(client, image.reference, "-c", LOOK, entrypoint="python")
    assert code == 0, said
    found = json.loads(said)
    assert found == {"user": [10001, 10001], "tools": [], "packages": [], "special": [], "writable": [SCRATCH]}


def test_it_serves_read_only_without_a_network_as_any_user(stack, built, client, models):
    bundle, image = built
    granted = {f"AIRLOOP_{name}_TOKEN_SHA256": f"{name.lower()}-token" for name in ("INFER", "ADMIN")}
    hashes = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in granted.items()}
    command = ["--bundle", "/opt/airloop/bundle", "--digest", bundle.digest, "--socket", f"{SCRATCH}/server.sock"]
    hashes[proof.VARIABLE] = proof.as_told(bundle.digest, proof.Proof(arrays=True, forest=True))
    given = {"name": f"{stack.prefix}-serves", "environment": hashes, "user": "4242"}
    server = client.containers.run(image.reference, [*command, "--no-log"], detach=True, **given, **CONFINED)
    try:
        code, answer = server.exec_run(["python", "-c", ASK, json.dumps(models.body_of())])
        assert code == 0, (answer, server.logs())
        assert models.predictions(json.loads(answer)) == pytest.approx(bundle.golden.expected)
    finally:
        server.remove(force=True)


def test_without_a_proof_it_says_that_it_has_no_pandas_and_what_to_do(built, client):
    bundle, image = built
    code, said = run(client, image.reference)
    assert code == 1
    assert said.count("\n") == 1 and said.startswith(f"bundle {bundle.digest[:12]} needs pandas"), said
    assert "(not verified yet). Set AIRLOOP_PROOF to what `verify_bundle` proved" in said


def test_a_changed_byte_of_the_bundle_inside_is_refused_and_named(stack, built, client):
    bundle, image = built
    parent = layers.parent_of(client.images.get(image.reference).attrs)
    with (bundle.folder / "model" / "model.ubj").open("rb") as stream:
        whole = stream.read()
    changed = layers.archive.layer({"opt/airloop/bundle/model/model.ubj": whole[:-1] + bytes([whole[-1] ^ 1])})
    tag = f"{stack.prefix}/changed:1"
    held = layers.put_on_engine(client, layers.Extended(parent, changed, {}), tag)
    with pytest.raises(ImageError, match=r"image 'sha256:[0-9a-f]{64}' is unknown: .* has no record of its digest"):
        images.ready(stack, held.name)
    code, said = run(client, held.name)
    assert code == 1
    assert f"bundle {bundle.digest[:12]} in /opt/airloop/bundle was changed" in said


def test_an_image_deleted_by_hand_is_made_again(stack, built, client):
    _, image = built
    client.images.remove(image.reference, force=True)
    images.ready(stack, image.reference)
    assert client.images.get(image.reference).id == image.reference


def test_the_record_says_what_the_image_is_and_a_changed_one_is_refused(stack, bundle):
    image = images.build(stack, "flights", bundle("3"))
    assert images.find(stack, image.reference) == image
    folder = stack.store.folder("images", image.reference.removeprefix("sha256:"))
    path = folder / "value.json"
    path.write_text(path.read_text().replace("flights", "planets"))
    with pytest.raises(ImageError, match=rf"image '{image.reference}': its record .*value|was changed"):
        images.find(stack, image.reference)


@pytest.mark.parametrize("reference", ["", "flights:latest", f"sha256:{'0' * 64}"])
def test_an_image_that_was_never_made_is_unknown(stack, reference):
    with pytest.raises(ImageError, match=rf"image '{reference}' is unknown: .* has no record of its digest"):
        images.find(stack, reference)


def test_a_bundle_made_with_other_packages_is_refused(stack, bundle):
    with pytest.raises(ImageError, match=r"with msgspec 0.0.1 \(the image has \d.*\), nothere 1 \(the image has none"):
        images.build(stack, "flights", bundle("4", "msgspec==0.0.1\nnothere==1\n"))


def test_a_bundle_of_another_pipeline_is_refused(stack, bundle):
    with pytest.raises(ImageError, match=r"is of pipeline 'flights', not of 'planets'"):
        images.build(stack, "planets", bundle("5"))


def test_an_engine_that_loads_whole_images_only_gets_the_same_layer_by_a_build(stack, built, client):
    bundle, image = built
    parent = layers.parent_of(client.images.get(image.base).attrs)
    found = set()
    for number in (1, 2):
        tar = layers.archive.layer({f"opt/{bundle.digest}": b"same"})
        extended = layers.Extended(parent, tar, {"told": 'a "b"'}, ("x",))
        tag = f"{stack.prefix}/built:{number}"
        held = layers.build_on_engine(client, extended, tag)
        about = client.images.get(held.name).attrs["Config"]
        assert (about["Cmd"], about["User"], about["Labels"]["told"]) == (["x"], "10001:10001", 'a "b"')
        assert run(client, held.name, f"/opt/{bundle.digest}", entrypoint="cat") == (0, "same")
        found.add(held.layers[-1])
        client.images.remove(tag, force=True)
    assert len(found) == 1


def test_removal_spares_what_runs_and_what_another_stack_named(stack, bundle, client):
    image = images.build(stack, "flights", bundle("6"))
    client.images.get(image.reference).tag(f"{stack.prefix}-other/flights:6")
    assert images.remove(stack, [image.reference]) == ()
    assert client.images.get(image.reference).tags == [f"{stack.prefix}-other/flights:6"]
    other = dataclasses.replace(stack, prefix=f"{stack.prefix}-other")
    used = client.containers.create(image.reference, name=f"{stack.prefix}-{secrets.token_hex(3)}")
    try:
        assert images.remove(other, [image.reference]) == ()
    finally:
        used.remove()
    assert images.remove(other, [image.reference]) == (image.reference,)
    assert images.remove(other, [image.reference]) == (image.reference,)
    assert client.images.get(image.base)


def test_the_base_is_found_again_and_every_package_has_its_hash(stack, built):
    _, image = built
    again = images.base(stack)
    assert again.reference == image.base
    assert again.packages == image.packages
    assert all(len(package.sha256) == 64 for package in again.packages)
    assert bases.made(stack, with_pandas=False).megabytes < 420
