"""A namespace with the rights of ``deploy/kubernetes``, two versions to serve in it, and a Gateway before them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from tests.airloop.release.conftest import pipeline_with
from tests.airloop.release.gateway_api import Gateway, installed
from tests.airloop.release.rigs import model_bundle
from tests.kubernetes_cluster import namespace, workspace_on
from tests.kubernetes_rights import install

from airloop import images
from airloop.bundle import open_bundle
from airloop.cluster import connected, name_of
from airloop.release.target import Placed
from airloop.spec.model import Autoscale, Release, Serving, Spec
from airloop.workspace import Workspace


@pytest.fixture(scope="module")
def own() -> Iterator[str]:
    with namespace() as name:
        install(name)
        yield name


@pytest.fixture(scope="module")
def workspace(own: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return workspace_on(tmp_path_factory.mktemp("home"), own, service_account="airloop-server")


@pytest.fixture(scope="module")
def spec(workspace: Workspace) -> Spec:
    told = pipeline_with(workspace.home).spec
    serving = Serving(cpus=0.4, memory="256MB", replicas=2, autoscale=Autoscale(most=3), log_predictions=False)
    return told.model_copy(update={"release": Release(target="kubernetes"), "serving": serving})


@pytest.fixture(scope="module")
def versions(workspace: Workspace) -> tuple[Placed, Placed]:
    """Two versions in images in the registry, before anybody has too few rights."""
    refs = [model_bundle(workspace, number) for number in (1, 2)]
    made = [images.build(workspace, "flights", open_bundle(workspace, ref.digest)) for ref in refs]
    one, two = (Placed(ref.digest, ref.version, image.reference) for ref, image in zip(refs, made, strict=True))
    return one, two


@pytest.fixture(scope="module")
def behind_a_gateway(workspace: Workspace) -> Iterator[Workspace]:
    """The same workspace with a Gateway that shares its requests out; it has rights of its own."""
    with connected(workspace) as cluster, installed(cluster):
        with closing(Gateway(cluster, name_of(workspace, "flights"))):
            yield replace(workspace, kubernetes=replace(workspace.kubernetes, gateway="public"))
