"""Being one of the accounts of ``deploy/kubernetes`` on a real cluster, and seeing what that account asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from tests.deploy import rendered
from tests.kubernetes_cluster import require

Right = tuple[str, str, str]
"""Group, resource with its part, verb: ``("", "pods/log", "get")``."""
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
HOUR_S = 3600


def install(namespace: str, overlay: str = "base") -> list[rendered.Manifest]:
    """Apply an overlay to ``namespace``, as ``kubectl apply -k`` would; return its manifests."""
    from kubernetes import config, dynamic

    found = rendered.into(namespace, overlay)
    with config.new_client_from_config(require()) as api:
        server = dynamic.DynamicClient(api)
        for manifest in found:
            resource = server.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
            server.server_side_apply(
                resource, body=manifest, namespace=namespace, field_manager="test", force_conflicts=True
            )
        api.rest_client.pool_manager.clear()
    return found


def kubeconfig_of(account: str, namespace: str, folder: Path) -> Path:
    """Write a kubeconfig with a token of a ServiceAccount, good for an hour, and nothing else of the cluster's own."""
    from kubernetes import client, config

    with config.new_client_from_config(require()) as api:
        asked = {"spec": {"expirationSeconds": HOUR_S, "audiences": []}}
        granted = client.CoreV1Api(api).create_namespaced_service_account_token(account, namespace, asked)
        server, authority = api.configuration.host, Path(api.configuration.ssl_ca_cert).read_text(encoding="utf-8")
        api.rest_client.pool_manager.clear()
    (folder / "ca.crt").write_text(authority, encoding="utf-8")
    written = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": account,
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": str(folder / "ca.crt")}}],
        "users": [{"name": account, "user": {"token": granted.status.token}}],
        "contexts": [{"name": account, "context": {"cluster": "c", "user": account, "namespace": namespace}}],
    }
    path = folder / f"{account}.kubeconfig"
    path.write_text(json.dumps(written), encoding="utf-8")
    return path


@contextmanager
def being(account: str, namespace: str, folder: Path) -> Iterator[str]:
    """Be ``account`` of ``namespace`` for everything that reads the kubeconfig; give the account's token."""
    from kubernetes.config import kube_config

    path = str(kubeconfig_of(account, namespace, folder))
    (user,) = json.loads(Path(path).read_text(encoding="utf-8"))["users"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KUBECONFIG", path)
        # The client reads the variable once, when it is imported.
        patched.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", path)
        yield user["user"]["token"]


@contextmanager
def under_role(namespace: str, folder: Path, account: str = "airloop") -> Iterator[set[Right]]:
    """Be ``account``; give the rights that it makes use of meanwhile, less those of ``exec``, which is no request."""
    used: set[Right] = set()
    original = urllib3.HTTPConnectionPool.urlopen

    def noted(pool: Any, method: str, url: str, *given: Any, **more: Any) -> Any:
        right = right_of(method, url)
        asking = {name.lower(): value for name, value in (more.get("headers") or {}).items()}
        if right is not None and asking.get("authorization") == f"Bearer {token}":
            used.add(right)
        return original(pool, method, url, *given, **more)

    with being(account, namespace, folder) as token, pytest.MonkeyPatch.context() as patched:
        patched.setattr(urllib3.HTTPConnectionPool, "urlopen", noted)
        yield used


def right_of(method: str, url: str) -> Right | None:
    """Return the right that a request needs, None where it is about nothing in a namespace."""
    asked = urlsplit(url)
    parts = asked.path.strip("/").split("/")
    if "namespaces" not in parts[2:4]:
        return None
    group, rest = ("", parts[4:]) if parts[0] == "api" else (parts[1], parts[5:])
    if not rest:
        return None
    resource, name, part = (*rest, "", "")[:3]
    if method not in VERBS and not name:
        return group, resource, "watch" if parse_qs(asked.query).get("watch") == ["true"] else "list"
    return group, f"{resource}/{part}" if part else resource, VERBS.get(method, "get")


def granted(role: rendered.Manifest) -> set[Right]:
    """Return all rights that a Role gives."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
