"""The API server goes away while an image is verified in a pod: a while is sat out, and what is left ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from tests.kubernetes_cluster import namespace, require, workspace_on
from tests.kubernetes_door import FrontDoor, Watched, door_of

from airloop import cluster, images
from airloop.bundle import Bundle
from airloop.bundle.locked import requirements
from airloop.cluster.reaching import close_connections
from airloop.errors import Unreachable
from airloop.spec.model import Release, Serving
from airloop.verification import pods_left, verify
from airloop.verification.measure import burst_ms
from airloop.verification.pod import running_pod
from airloop.verification.replay import replay
from airloop.workspace import Workspace

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]

SERVING = Serving(cpus=0.5, memory="256MB")
SHORT_S = 2.5
MOMENTS = {
    "started": "PATCH .*/pods/",
    "waited for": "GET .*/health/ready",
    "replayed": "POST .*/infer",
    "measured": "POST .*/recount",
    "removed": "DELETE .*/pods/",
}
"""The first request of each, as it goes out."""


@dataclass
class Way:
    """A bundle and its image, a workspace whose cluster is reached by a door, and one that needs none."""

    workspace: Workspace
    straight: Workspace
    door: FrontDoor
    watched: Watched
    bundle: Bundle
    image: str

    def left(self) -> list[str]:
        """Return the pods of verifications that are there, and not on their way out."""
        with cluster.connected(self.straight) as connection:
            found = connection.list("v1", "Pod", cluster.labels(self.straight, "verification"))
        return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]


@pytest.fixture(scope="module")
def stack(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    from kubernetes import config

    home = tmp_path_factory.mktemp("home")
    with namespace() as name, door_of(require(), home) as (door, kubeconfig):
        straight = workspace_on(home, name)
        bundle = kit.write_bundle(straight.store, proved=False, requirements=requirements(with_pandas=False))
        image = images.build(straight, bundle.pipeline, bundle).reference
        api = config.new_client_from_config(kubeconfig)
        watched = api.rest_client.pool_manager = Watched(api.rest_client.pool_manager)
        workspace = replace(straight, kubernetes=replace(straight.kubernetes, client=lambda: api))
        yield Way(workspace, straight, door, watched, bundle, image)
        close_connections(api)


@pytest.fixture
def way(stack: Way) -> Iterator[Way]:
    """The stack; afterwards the door is open."""
    yield stack
    stack.door.open()


def test_away_for_seconds_at_each_step_the_verification_goes_on(way: Way) -> None:
    moments = list(MOMENTS.values())

    def next_moment() -> None:
        if moments:
            way.watched.when(moments.pop(0), lambda: (way.door.shut(SHORT_S), next_moment()))

    next_moment()
    asked = SimpleNamespace(gates=(), serving=SERVING, release=Release(target="kubernetes"))
    _, result = verify(way.workspace, SimpleNamespace(spec=asked), way.bundle.digest, way.image)
    assert (moments, way.watched.is_waiting) == ([], False)
    assert (result.passed, result.reasons) == (True, ())
    assert way.left() == []


@pytest.mark.parametrize("moment", ["started", "replayed", "removed"])
def test_away_for_long_is_no_verdict_and_what_is_left_is_swept(way: Way, moment: str) -> None:
    way.watched.when(MOMENTS[moment], way.door.shut)
    said = r"API server at https://127.0.0.1:\d+ does not answer"
    with pytest.raises(Unreachable, match=said) if moment != "removed" else nullcontext():
        with running_pod(way.workspace, SERVING, way.bundle, way.image, patience_s=1) as server:
            replay(server, way.bundle)
            burst_ms(server, way.bundle)
    assert not way.watched.is_waiting, "it never came to that"
    left = way.left()
    assert len(left) == (0 if moment == "started" else 1)
    way.door.open()
    with running_pod(way.workspace, SERVING, way.bundle, way.image) as server:
        assert replay(server, way.bundle) < 1e-6
    assert way.left() == left
    with cluster.connected(way.workspace) as connection:
        pods_left.sweep(connection, way.workspace, old_s=-5)
    assert way.left() == []
