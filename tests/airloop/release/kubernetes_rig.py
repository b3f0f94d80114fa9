"""The Kubernetes target on a test bench: a namespace of its own, with tiny XGBoost models in images."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.kubernetes_cluster import REGISTRY, namespace, workspace_on

from airloop import cluster, evidence, images
from airloop.bundle import open_bundle
from airloop.cluster import Cluster
from airloop.refs import BundleRef
from airloop.release.kubernetes import KubernetesTarget, manifests
from airloop.release.kubernetes.conditions import is_ready
from airloop.release.target import Placed
from airloop.serving.tokens import read_or_make
from airloop.spec.model import Serving
from airloop.workspace import Workspace

from .conftest import pipeline_with
from .rigs import MISSING, model_bundle

MISSING_IMAGE = replace(MISSING, image=f"{REGISTRY}/flights@sha256:" + "0" * 64)
SMALL = Serving(replicas=1, cpus=0.4, memory=160_000_000, log_predictions=False)
READY_S = 120


@dataclass
class KubernetesRig:
    """A stack in a namespace that nobody else uses; requests come over a new connection each."""

    home: Path
    missing: Placed = MISSING_IMAGE
    mirrors: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    """Further ones of the workspace's cluster."""
    _given: ExitStack = field(default_factory=ExitStack, init=False)

    def __post_init__(self) -> None:
        self.workspace = workspace_on(self.home, self._given.enter_context(namespace()), **self.settings)
        self.cluster: Cluster = self._given.enter_context(cluster.connected(self.workspace))
        one, two, three = (self.packaged_anew(number) for number in (1, 2, 3))
        self.bundles = (one, two, three)
        self.target = self.opened_anew()

    def packaged(self, bundle: BundleRef, pipeline: str = "flights") -> BundleRef:
        """Return the bundle with an image that was made of it."""
        image = images.build(self.workspace, pipeline, open_bundle(self.workspace, bundle.digest))
        sbom = evidence.record_sbom(self.workspace, image)
        return bundle.model_copy(update={"image": image.reference, "sbom": sbom})

    def packaged_anew(self, number: int, pipeline: str = "flights", **how: Any) -> BundleRef:
        """Return another version, in an image of its own."""
        return self.packaged(model_bundle(self.workspace, number, pipeline=pipeline, **how), pipeline)

    def opened_anew(self, **serving: Any) -> KubernetesTarget:
        return self.opened_on(self.workspace, **serving)

    def opened_on(self, workspace: Workspace, **serving: Any) -> KubernetesTarget:
        spec = pipeline_with(self.home).spec
        return KubernetesTarget(workspace, spec.model_copy(update={"serving": SMALL.model_copy(update=serving)}))

    @property
    def address(self) -> str:
        """Where requests go."""
        found = self.cluster.get("v1", "Service", manifests.name_of(self.workspace, "flights"))
        assert found is not None
        return str(found["spec"]["clusterIP"])

    def send(self, requests: int) -> Counter[str]:
        address, answered = self.address, Counter[str]()
        headers = {
            "authorization": f"Bearer {read_or_make(self.home).infer}",
            "content-type": "application/json",
            "connection": "close",
        }
        for _ in range(requests):
            answered[ask(address, headers)] += 1
        return answered

    def deployments(self) -> dict[str, dict[str, Any]]:
        """Return what the pipeline's versions run as, by version."""
        found = self.cluster.list("apps/v1", "Deployment", manifests.of_pipeline(self.workspace, "flights"))
        return {one["metadata"]["annotations"]["airloop.dev/version"]: one for one in found}

    def pods(self) -> list[dict[str, Any]]:
        """Return the pods of the pipeline's versions."""
        return self.cluster.list("v1", "Pod", manifests.of_pipeline(self.workspace, "flights"))

    def ready_pods(self, version: str) -> set[str]:
        """Return the names of a version's pods that answer."""
        server = self.deployments()[version]["metadata"]["name"]
        return {
            pod["metadata"]["name"]
            for pod in self.pods()
            if is_ready(pod) and pod["metadata"]["labels"][manifests.SERVER] == server
        }

    def restart(self) -> None:
        """As when the machine lost its power: every server is gone at once."""
        for pod in self.pods():
            self.cluster.delete("v1", "Pod", pod["metadata"]["name"], grace_s=0)
        wanted = sum(one["spec"]["replicas"] for one in self.deployments().values())
        until = time.monotonic() + READY_S
        while sum(is_ready(pod) for pod in self.pods()) < wanted:
            assert time.monotonic() < until, "not ready again"
            time.sleep(0.2)
        time.sleep(2)

    def stop(self) -> None:
        """Let no API server be there."""
        self.target = self.opened_on(away(self.workspace))

    def close(self) -> None:
        self._given.close()


class NotAnswered(Exception):
    """A server said no."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said}")
        self.status = status


def ask(address: str, headers: dict[str, str], x: float = 0.5) -> str:
    """Ask for one prediction over a connection of its own; return which version answered."""
    connection = http.client.HTTPConnection(address, timeout=30)
    body = json.dumps({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [x]}]})
    try:
        connection.request("POST", "/v2/models/flights/infer", body, headers)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise NotAnswered(answer.status, said.decode())
    return str(json.loads(said)["model_version"])


def away(workspace: Workspace) -> Workspace:
    """Return the workspace with a cluster that does not answer."""
    from kubernetes import client

    nobody = client.Configuration(host="http://127.0.0.1:1")
    return replace(workspace, kubernetes=replace(workspace.kubernetes, client=lambda: client.ApiClient(nobody)))
