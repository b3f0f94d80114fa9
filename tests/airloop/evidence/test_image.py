"""What is in an image, and a release that names one: each altered link is found, on a real engine."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from tests.airloop.release.conftest import MARCH, workspace_in
from tests.airloop.release.rigs import model_bundle

from airloop import digest, evidence, images
from airloop.bundle import open_bundle
from airloop.errors import EvidenceError, ImageError, Unreachable
from airloop.evidence import State
from airloop.ledger import Champion
from airloop.refs import BundleRef
from airloop.workspace import Workspace

from .conftest import certified, change_byte, forge_list

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, BundleRef]]:
    """A workspace with a prefix of its own, and a bundle with an image; the engine has none of it afterwards."""
    made = workspace_in(tmp_path_factory.mktemp("kept"), AIRLOOP_PREFIX=f"airloop-t-{secrets.token_hex(4)}")
    yield made, packaged(made, 1)
    engine = docker.from_env()
    for image in engine.images.list(f"{made.prefix}/flights"):
        for tag in image.tags:
            engine.images.remove(tag)
    engine.close()


@pytest.fixture
def workspace(kept: tuple[Workspace, BundleRef], tmp_path: Path) -> Workspace:
    """A copy of the workspace, to be altered."""
    home = tmp_path / "home"
    shutil.copytree(kept[0].home, home)
    return workspace_in(home, AIRLOOP_PREFIX=kept[0].prefix)


@pytest.fixture
def bundle(kept: tuple[Workspace, BundleRef]) -> BundleRef:
    return kept[1]


def packaged(workspace: Workspace, number: int) -> BundleRef:
    """Return a bundle that nobody else on this engine has, with its image and SBOM, as the step makes them."""
    made = model_bundle(workspace, number, max_rows=secrets.randbelow(10**9) + 1)
    image = images.build(workspace, "flights", open_bundle(workspace, made.digest))
    sbom = evidence.record_sbom(workspace, image)
    return made.model_copy(update={"image": image.reference, "sbom": sbom})


def champion_of(bundle: BundleRef) -> Champion:
    return Champion(
        pipeline="flights",
        target="docker",
        generation=1,
        bundle=bundle.digest,
        version=bundle.version,
        data_cut_off=bundle.data_cut_off,
        kind="release",
        run_id="monday",
        by="",
        reasons=(),
        restores=None,
        recorded_at=MARCH,
        image=bundle.image,
    )


def sbom_of(workspace: Workspace, bundle: BundleRef) -> Path:
    return workspace.store.folder("sboms", bundle.sbom) / "bom.cdx.json"


def looks(workspace: Workspace) -> list[str]:
    """Return the containers in which somebody looks into an image; they must be gone when that ends."""
    engine = docker.from_env()
    names = [one.name for one in engine.containers.list(all=True, ignore_removed=True)]
    engine.close()
    return [name for name in names if name.startswith(f"{workspace.prefix}-look")]


def test_the_sbom_lists_system_interpreter_packages_and_bundle(workspace: Workspace, bundle: BundleRef) -> None:
    text = sbom_of(workspace, bundle).read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert document["metadata"]["component"]["name"] == bundle.image
    assert document["metadata"]["timestamp"] == bundle.data_cut_off.isoformat()
    found = {one["bom-ref"]: one for one in document["components"]}
    assert found["bundle"]["hashes"] == [{"alg": "SHA-256", "content": bundle.digest}]
    assert len(found["pypi:xgboost-cpu"]["hashes"][0]["content"]) == 64
    assert found["system"]["type"] == "operating-system"
    assert found["python"]["version"].startswith("3.")
    debian = [one["purl"] for one in found.values() if one.get("purl", "").startswith("pkg:deb/debian/libc6@")]
    assert len(debian) == 1
    assert "distro=debian-12" in debian[0]


def test_the_same_image_gives_the_same_sbom(workspace: Workspace, bundle: BundleRef) -> None:
    image = images.find(workspace, bundle.image)
    assert evidence.record_sbom(workspace, image) == bundle.sbom
    assert digest.of_bytes(sbom_of(workspace, bundle).read_bytes()) == bundle.sbom
    assert looks(workspace) == []


def test_a_statement_names_image_and_sbom(workspace: Workspace, bundle: BundleRef) -> None:
    statement = evidence.check(workspace, certified(workspace, bundle, target="docker"), champion_of(bundle))
    assert statement.image == bundle.image
    subjects = [(one["name"], one["digest"]["sha256"]) for one in statement.body["subject"]]
    assert subjects == [("flights/1", bundle.digest), (bundle.image, bundle.image.removeprefix("sha256:"))]
    assert statement.facts["sbom"]["components"] > 50


def test_one_changed_byte_of_the_sbom_is_named(workspace: Workspace, bundle: BundleRef) -> None:
    statement = certified(workspace, bundle)
    change_byte(sbom_of(workspace, bundle), 500)
    with pytest.raises(EvidenceError, match=rf"the SBOM {bundle.sbom[:12]} of image sha256:\S+ is altered"):
        certified(workspace, bundle, run_id="later")
    forge_list(sbom_of(workspace, bundle).parent)
    with pytest.raises(EvidenceError, match=f"does not hold: SBOM: the SBOM {bundle.sbom[:12]} .* is altered"):
        evidence.check(workspace, statement)


def test_an_sbom_or_an_image_of_another_bundle_is_refused(workspace: Workspace, bundle: BundleRef) -> None:
    other = packaged(workspace, 2)
    with pytest.raises(EvidenceError, match=f"SBOM {other.sbom[:12]} is of image {other.image}, not of {bundle.image}"):
        certified(workspace, bundle.model_copy(update={"sbom": other.sbom}))
    swapped = bundle.model_copy(update={"image": other.image, "sbom": other.sbom})
    with pytest.raises(EvidenceError, match=f"lists bundle {other.digest[:12]}, not {bundle.digest[:12]}"):
        certified(workspace, swapped)
    nowhere = bundle.model_copy(update={"sbom": ""})
    with pytest.raises(EvidenceError, match=r"the SBOM of nothing of image sha256:\S+ is not in the store"):
        certified(workspace, nowhere)


def test_a_changed_image_reference_or_record_is_refused(workspace: Workspace, bundle: BundleRef) -> None:
    statement = certified(workspace, bundle, target="docker")
    last = "0" if bundle.image[-1] != "0" else "1"
    other = replace(champion_of(bundle), image=bundle.image[:-1] + last)
    with pytest.raises(EvidenceError, match=f"is of another release: image {bundle.image}, not {other.image}"):
        evidence.check(workspace, statement, other)
    change_byte(workspace.store.folder("images", bundle.image.removeprefix("sha256:")) / "value.json", 60)
    with pytest.raises(EvidenceError, match=r"does not hold: image: image 'sha256:\S+': its record .* was changed"):
        evidence.check(workspace, statement)


def test_a_removed_image_is_told_and_made_again_where_it_is_needed(workspace: Workspace, bundle: BundleRef) -> None:
    statement = certified(workspace, bundle, target="docker")
    engine = docker.from_env()
    engine.images.remove(engine.images.get(bundle.image).tags[0])
    links = {link.name: link for link in evidence.chain(workspace, statement, champion_of(bundle))}
    assert links["image"].state == State.GONE
    assert "a release or a roll back gets it there again" in links["image"].problem
    with pytest.raises(docker.errors.ImageNotFound):
        engine.images.get(bundle.image)  # a look changes nothing
    assert evidence.still_holds(workspace, statement, champion_of(bundle)) == ()
    assert engine.images.get(bundle.image)
    engine.close()


def test_without_an_engine_nothing_is_certified_and_trying_again_can_help(
    workspace: Workspace, bundle: BundleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = certified(workspace, bundle, target="docker")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(Unreachable, match="flights version 1 is not certified: image: the Docker engine does not"):
        certified(workspace, bundle, run_id="later")
    states = {link.name: link.state for link in evidence.chain(workspace, statement, champion_of(bundle))}
    assert {name for name, state in states.items() if state != State.HOLDS} == {"image"}
    assert states["image"] == State.UNKNOWN


def test_an_image_that_nobody_here_made_has_no_sbom(workspace: Workspace, bundle: BundleRef) -> None:
    image = replace(images.find(workspace, bundle.image), base="other", reference="nginx:1.28")
    with pytest.raises(ImageError, match=r"image 'nginx:1\.28' is unknown"):
        evidence.record_sbom(workspace, image)
    assert looks(workspace) == []
