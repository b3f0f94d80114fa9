"""The same evidence where no Docker engine is: a pod looks into the image, and the registry is asked for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
from tests.airloop.release.rigs import model_bundle
from tests.kubernetes_cluster import namespace, workspace_on

from airloop import cluster, evidence, images
from airloop.bundle import open_bundle
from airloop.errors import ImageError
from airloop.evidence.looking import look_in_pod, manifest
from airloop.refs import BundleRef
from airloop.workspace import Workspace

from .conftest import certified

NO_ENGINE = "tcp://127.0.0.1:9"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with namespace() as name:
        yield workspace_on(tmp_path_factory.mktemp("home"), name)


@pytest.fixture(scope="module")
def bundle(workspace: Workspace) -> BundleRef:
    """A bundle with an image in the registry, without an SBOM yet."""
    made = model_bundle(workspace, 1)
    image = images.build(workspace, "flights", open_bundle(workspace, made.digest))
    return made.model_copy(update={"image": image.reference})


@pytest.mark.parametrize("version", ["1.25", "1.31", "1.37"])
def test_the_pod_that_looks_is_one_that_clusters_take(version: str, tmp_path: Path) -> None:
    given = workspace_on(tmp_path, "models", pull_secret="registry")
    pod = manifest(given, "look-1", f"{given.registry}/flights@sha256:{'0' * 64}", ["python", "-c", "1"])
    kubernetes_validate.validate(pod, version, strict=True)
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]


@pytest.mark.kubernetes
@pytest.mark.timeout(600)
def test_a_pod_finds_what_an_engine_finds_and_the_chain_holds_without_one(
    workspace: Workspace, bundle: BundleRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = images.find(workspace, bundle.image)
    by_engine = evidence.record_sbom(workspace, image)
    for known in (workspace.home / "store" / "bases").iterdir():
        known.rename(tmp_path / known.name)
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    assert evidence.record_sbom(workspace, image, on_cluster=True) == by_engine
    shown = bundle.model_copy(update={"sbom": by_engine})
    statement = certified(workspace, shown, target="kubernetes")
    assert evidence.check(workspace, statement).image == bundle.image
    with cluster.connected(workspace) as connection:
        found = connection.list("v1", "Pod", cluster.labels(workspace, "verification"))
    assert [pod for pod in found if "deletionTimestamp" not in pod["metadata"]] == []


@pytest.mark.kubernetes
def test_what_a_failing_look_says_is_told(workspace: Workspace, bundle: BundleRef) -> None:
    command = ["python", "-c", "raise SystemExit('no such file')"]
    with pytest.raises(ImageError, match="cannot say what is in it: no such file"):
        look_in_pod(workspace, bundle.image, command)
    assert json.loads(look_in_pod(workspace, bundle.image, ["python", "-c", "print([1])"])) == [1]
