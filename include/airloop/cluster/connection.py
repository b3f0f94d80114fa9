"""Talking to a cluster: objects as plain dicts, in one namespace, with whatever versions its server offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airloop.cluster.answers import answering
from airloop.cluster.asking import Asking, Object
from airloop.cluster.discovery import Discovery
from airloop.cluster.names import selector
from airloop.cluster.reaching import client_of
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, AppsV1Api, CoreV1Api

    from airloop.serving.client import ServerClient

MANAGER = "airloop"
"""Owns, towards the API server, the fields that are applied."""


@contextmanager
def connected(workspace: Workspace, *, patience_s: float = 0.0) -> Iterator[Cluster]:
    """Give the cluster of ``workspace``; the block may use the typed APIs, too, for it is inside ``answering``.

    Each request sits out a silence of ``patience_s`` seconds, as while the API server is started again.

    Raises Unreachable when no cluster is named or it does not answer, and ClusterRefused when it will not do it.
    """
    with answering():
        with client_of(workspace.kubernetes) as (api, namespace):
            cluster = Cluster(api, namespace, patience_s)
            try:
                yield cluster
            finally:
                cluster.close()


class Cluster:
    """One namespace of a cluster. Every method raises Unreachable, or ClusterRefused with the API server's reason."""

    def __init__(self, api: ApiClient, namespace: str, patience_s: float = 0.0) -> None:
        self.api = api
        self.namespace = namespace
        self._asking = Asking(api, patience_s)
        self._discovery = Discovery(lambda path: self._asking.maybe("GET", path))

    def close(self) -> None:
        """Leave the client as it was: it counts no more."""
        self._asking.end()

    @property
    def calls(self) -> int:
        """How many requests the API server was sent."""
        return self._asking.pool.calls

    @cached_property
    def core(self) -> CoreV1Api:
        """The typed API of v1; use it inside ``answering`` or ``connected``."""
        from kubernetes.client import CoreV1Api

        return CoreV1Api(self.api)

    @cached_property
    def apps(self) -> AppsV1Api:
        """The typed API of apps/v1; use it inside ``answering`` or ``connected``."""
        from kubernetes.client import AppsV1Api

        return AppsV1Api(self.api)

    def offers(self, group_version: str, kind: str) -> bool:
        """Return whether the server knows a namespaced ``kind``: ``offers("policy/v1", "PodDisruptionBudget")``."""
        return self._discovery.find(group_version, kind) is not None

    def newest(self, group: str, kind: str, versions: Sequence[str]) -> str | None:
        """Return the first of ``versions`` ("v2", "v1") that the server offers, as ``group/version``, else None."""
        named = (f"{group}/{version}" if group else version for version in versions)
        return next((version for version in named if self.offers(version, kind)), None)

    def apply(self, manifest: Mapping[str, Any]) -> Object:
        """Make an object be as ``manifest`` says, by server-side apply, and return it; fields of others stay."""
        wanted = {**manifest, "metadata": {**manifest["metadata"], "namespace": self.namespace}}
        path = self._path(wanted["apiVersion"], wanted["kind"], wanted["metadata"]["name"])
        query = {"fieldManager": MANAGER, "force": "true"}
        return self._asking.told("PATCH", path, wanted, query=query, content="application/apply-patch+yaml")

    def patch(self, api_version: str, kind: str, name: str, change: Mapping[str, Any]) -> Object:
        """Merge ``change`` into an object that is there (JSON merge patch: None removes) and return it."""
        path, query = self._path(api_version, kind, name), {"fieldManager": MANAGER}
        return self._asking.told("PATCH", path, change, query=query, content="application/merge-patch+json")

    def get(self, api_version: str | Mapping[str, Any], kind: str = "", name: str = "") -> Object | None:
        """Return an object, None where it is not there: ``get(manifest)`` or ``get("v1", "Pod", "x")``."""
        if not isinstance(api_version, str):
            given = api_version
            return self.get(given["apiVersion"], given["kind"], given["metadata"]["name"])
        return self._asking.maybe("GET", self._path(api_version, kind, name))

    def list(
        self, api_version: str, kind: str, labels: Mapping[str, str], fields: Mapping[str, str] | None = None
    ) -> list[Object]:
        """Return the objects that have all ``labels`` and ``fields``, ordered by name."""
        query = {"labelSelector": selector(labels), "fieldSelector": selector(fields or {})}
        found = self._asking.told("GET", self._path(api_version, kind), query=query)["items"]
        items = [{**item, "apiVersion": api_version, "kind": kind} for item in found]
        return sorted(items, key=lambda item: str(item["metadata"]["name"]))

    def delete(self, api_version: str, kind: str, name: str, *, grace_s: int | None = None) -> bool:
        """Delete an object, and what it owns after it; return False when it was gone already."""
        options = {"propagationPolicy": "Background"} | ({} if grace_s is None else {"gracePeriodSeconds": grace_s})
        return self._asking.maybe("DELETE", self._path(api_version, kind, name), options) is not None

    def door(self, pod: str, token: str, port: int = 8080) -> ServerClient:
        """Return a client of the model server in ``pod``, asked through the API server with ``token``."""
        from airloop.cluster.door import HINT, ThroughCluster
        from airloop.serving.client import ServerClient

        url = f"{self.api.configuration.host}{self._path('v1', 'Pod', f'{pod}:{port}')}/proxy"
        return ServerClient(url, token, transport=ThroughCluster(self.api), hint=HINT)

    def run(self, pod: str, container: str, command: Sequence[str], *, timeout_s: float = 60.0) -> tuple[int, str]:
        """Run ``command`` in a container; return its exit code and what it printed, standard error last."""
        from airloop.cluster.execute import execute

        self._asking.pool.calls += 1
        return execute(self.api, self._path("v1", "Pod", pod), container, command, timeout_s)

    def logs(self, pod: str, container: str = "", *, lines: int = 12, is_previous: bool = False) -> str:
        """Return the last lines that a container printed; with ``is_previous`` those before it was started again."""
        query = {"container": container, "tailLines": str(lines), "previous": str(is_previous).lower()}
        said: bytes = self._asking.send("GET", f"{self._path('v1', 'Pod', pod)}/log", query=query).data
        return said.decode(errors="replace").strip()

    def _path(self, api_version: str, kind: str, name: str = "") -> str:
        root = "/apis" if "/" in api_version else "/api"
        plural = self._discovery.plural(api_version, kind)
        path = f"{root}/{api_version}/namespaces/{self.namespace}/{plural}"
        return f"{path}/{quote(name, safe=':')}" if name else path
