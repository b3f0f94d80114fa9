"""As much of the Gateway API as the tests need: its HTTPRoute, and a Gateway that obeys the weights, or does not."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes import client

from airloop.cluster import Cluster

GROUP = "gateway.networking.k8s.io"
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_VERSION = {
    "name": "v1",
    "served": True,
    "storage": True,
    "subresources": {"status": {}},
    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": _ANYTHING, "status": _ANYTHING}}},
}


@contextmanager
def installed(cluster: Cluster) -> Iterator[None]:
    """Have the API server know HTTPRoutes; it forgets them afterwards unless it knew them before."""
    api = client.ApiextensionsV1Api(cluster.api)
    definition = {
        "metadata": {"name": f"httproutes.{GROUP}", "annotations": {"api-approved.kubernetes.io": "unapproved, test"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": "HTTPRoute", "plural": "httproutes", "singular": "httproute"},
            "versions": [_VERSION],
        },
    }
    try:
        api.create_custom_resource_definition(definition)
    except client.ApiException as error:
        if error.status != 409:
            raise
        yield
        return
    try:
        yield
    finally:
        api.delete_custom_resource_definition(f"httproutes.{GROUP}")


@dataclass
class Gateway:
    """Leads requests at ``address`` by the HTTPRoute ``name``; one that ``ignores`` weights takes any backend."""

    cluster: Cluster
    name: str
    ignores: bool = False
    refuses: str = ""
    """Why it takes no route."""
    _over: threading.Event = field(default_factory=threading.Event)
    _backends: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                gateway.pass_on(self)

            def log_message(self, *given: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        for work in (self._server.serve_forever, self._follow):
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def pass_on(self, asked: BaseHTTPRequestHandler) -> None:
        addresses, weights = zip(*self._backends, strict=True)
        address = random.choices(addresses, None if self.ignores else weights)[0]
        connection = HTTPConnection(address, 80, timeout=30)
        body = asked.rfile.read(int(asked.headers["content-length"]))
        kept = {name: value for name, value in asked.headers.items() if not name.lower().startswith("x-airloop-")}
        connection.request("POST", asked.path, body, kept)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        asked.send_response(answer.status)
        asked.send_header("content-length", str(len(said)))
        asked.end_headers()
        asked.wfile.write(said)

    def _follow(self) -> None:
        custom, core = client.CustomObjectsApi(self.cluster.api), client.CoreV1Api(self.cluster.api)
        where = (GROUP, "v1", self.cluster.namespace, "httproutes", self.name)
        while not self._over.wait(0.1):
            with suppress(client.ApiException):
                found = custom.get_namespaced_custom_object(*where)
                backends = []
                for one in found["spec"]["rules"][0]["backendRefs"]:
                    service = core.read_namespaced_service(one["name"], self.cluster.namespace)
                    backends.append((service.spec.cluster_ip, one["weight"]))
                self._backends = backends
                self._tell(custom, where, found)

    def _tell(self, custom: Any, where: tuple[str, ...], found: dict[str, Any]) -> None:
        generation = found["metadata"]["generation"]
        condition = {
            "type": "Accepted",
            "status": "False" if self.refuses else "True",
            "reason": "NotAllowedByListeners" if self.refuses else "Accepted",
            "message": self.refuses,
            "observedGeneration": generation,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        status = {"parents": [{"parentRef": {"name": "public"}, "controllerName": "test", "conditions": [condition]}]}
        if found.get("status") != status:
            custom.patch_namespaced_custom_object_status(*where, {"status": status})
