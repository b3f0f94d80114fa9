"""As much of the Gateway API as the tests need: its HTTPRoute, and a Gateway that obeys it, or does not."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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


KINDS = {"HTTPRoute": "httproutes", "Gateway": "gateways"}


@contextmanager
def installed(cluster: Cluster) -> Iterator[None]:
    """Have the API server know HTTPRoutes and Gateways; it forgets afterwards those that it did not know before."""
    api, made = client.ApiextensionsV1Api(cluster.api), []
    for kind, plural in KINDS.items():
        try:
            made.append(api.create_custom_resource_definition(_definition(kind, plural)).metadata.name)
        except client.ApiException as error:
            if error.status != 409:
                raise
    try:
        yield
    finally:
        for name in made:
            api.delete_custom_resource_definition(name)


def _definition(kind: str, plural: str) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{plural}.{GROUP}", "annotations": {"api-approved.kubernetes.io": "unapproved, test"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [_VERSION],
        },
    }


@dataclass(frozen=True)
class Rule:
    """A rule of an HTTPRoute with the addresses of its Services."""

    is_exact: bool
    path: str
    backends: list[tuple[str, int]]
    told: dict[str, str]
    """Headers that are set."""
    mirrors: list[tuple[str, int]]
    """Address and port of whoever gets copies."""

    def matches(self, path: str) -> bool:
        return path == self.path if self.is_exact else f"{path}/".startswith(f"{self.path}/")


@dataclass
class Gateway:
    """Leads requests at ``address`` by the HTTPRoute ``name``; one that ``ignores`` weights takes any backend.

    Copies are sent beside the requests, and nobody hears what became of them.
    """

    cluster: Cluster
    name: str
    ignores: bool = False
    mirrors: bool = True
    refuses: str = ""
    """Why it takes no route."""
    refuses_copies: str = ""
    """Why it takes no route that copies requests."""
    is_away: bool = False
    """It says nothing of any route."""
    _over: threading.Event = field(default_factory=threading.Event)
    _rules: list[Rule] = field(default_factory=list)
    _copying: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))

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
        self._copying.shutdown(cancel_futures=True)

    def pass_on(self, asked: BaseHTTPRequestHandler) -> None:
        rule = next(rule for rule in self._rules if rule.matches(asked.path))
        addresses, weights = zip(*rule.backends, strict=True)
        address = random.choices(addresses, None if self.ignores else weights)[0]
        body = asked.rfile.read(int(asked.headers["content-length"]))
        kept = {name: value for name, value in asked.headers.items() if not name.lower().startswith("x-airloop-")}
        for to, port in rule.mirrors if self.mirrors else ():
            # As clients send them: some Gateways copy a request before they change its headers.
            self._copying.submit(_sent, to, port, asked.path, body, dict(asked.headers.items()))
        status, said = _sent(address, 80, asked.path, body, kept | rule.told)
        asked.send_response(status)
        asked.send_header("content-length", str(len(said)))
        asked.end_headers()
        asked.wfile.write(said)

    def _follow(self) -> None:
        custom, core = client.CustomObjectsApi(self.cluster.api), client.CoreV1Api(self.cluster.api)
        where = (GROUP, "v1", self.cluster.namespace, "httproutes", self.name)
        while not self._over.wait(0.1):
            with suppress(client.ApiException):
                found = custom.get_namespaced_custom_object(*where)
                self._rules = [self._rule(core, rule) for rule in found["spec"]["rules"]]
                if not self.is_away:
                    self._tell(custom, where, found)

    def _rule(self, core: client.CoreV1Api, rule: dict[str, Any]) -> Rule:
        def address_of(name: str) -> str:
            return str(core.read_namespaced_service(name, self.cluster.namespace).spec.cluster_ip)

        (match,) = rule["matches"]
        filters = {one["type"]: one for one in rule["filters"]}
        told = filters["RequestHeaderModifier"]["requestHeaderModifier"].get("set", [])
        copied = [filters["RequestMirror"]["requestMirror"]["backendRef"]] if "RequestMirror" in filters else []
        return Rule(
            match["path"]["type"] == "Exact",
            match["path"]["value"],
            [(address_of(one["name"]), one["weight"]) for one in rule["backendRefs"]],
            {one["name"]: one["value"] for one in told},
            [(address_of(one["name"]), one["port"]) for one in copied],
        )

    def _tell(self, custom: Any, where: tuple[str, ...], found: dict[str, Any]) -> None:
        generation = found["metadata"]["generation"]
        why = self.refuses or (self.refuses_copies if any(rule.mirrors for rule in self._rules) else "")
        condition = {
            "type": "Accepted",
            "status": "False" if why else "True",
            "reason": ("NotAllowedByListeners" if self.refuses else "UnsupportedValue") if why else "Accepted",
            "message": why,
            "observedGeneration": generation,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        status = {"parents": [{"parentRef": {"name": "public"}, "controllerName": "test", "conditions": [condition]}]}
        if found.get("status") != status:
            custom.patch_namespaced_custom_object_status(*where, {"status": status})


def _sent(address: str, port: int, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Return the status and body of the answer."""
    connection = HTTPConnection(address, port, timeout=30)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
