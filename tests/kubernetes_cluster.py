"""The cluster that `kubernetes` tests run on: the one that ``KUBECONFIG`` names, in namespaces of their own."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from airloop.cluster.reaching import close_connections
from airloop.workspace import Workspace

REGISTRY = os.environ.get("TEST_REGISTRY", "127.0.0.1:5000/airloop")
"""Where tests push images to."""
REGISTRY_OF_NODES = os.environ.get("TEST_KUBERNETES_REGISTRY", "")
"""What the cluster's nodes call it, where that is another name."""
PLAIN = "python:3.11-slim-bookworm"
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


def require() -> str:
    """Return the path of the kubeconfig; skip where no cluster answers, but in CI fail."""
    path, why = _cluster()
    if why:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    return path


def kubeconfig() -> str:
    """Return the path of the kubeconfig that is in force."""
    return os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())


@cache
def _cluster() -> tuple[str, str]:
    """Return the kubeconfig's path, and why tests cannot run, "" where they can."""
    from kubernetes import client, config
    from urllib3.exceptions import HTTPError

    path = kubeconfig()
    if not Path(path).exists():
        return path, f"no Kubernetes cluster: there is no kubeconfig {path}; set KUBECONFIG"
    try:
        with _api() as api:
            client.VersionApi(api).get_code(_request_timeout=10)
    except (HTTPError, client.ApiException, config.ConfigException) as error:
        return path, f"no Kubernetes cluster answers: {error}"
    return path, ""


@contextmanager
def _api() -> Iterator[Any]:
    from kubernetes import config

    with config.new_client_from_config(kubeconfig()) as api:
        try:
            yield api
        finally:
            close_connections(api)


@contextmanager
def namespace(labels: Mapping[str, str] | None = None) -> Iterator[str]:
    """Give the name of a new namespace, restricted pods only; it is deleted afterwards, without a wait for its end."""
    from kubernetes import client

    require()
    name = f"airloop-test-{secrets.token_hex(4)}"
    with _api() as api:
        core = client.CoreV1Api(api)
        core.create_namespace({"metadata": {"name": name, "labels": {**RESTRICTED, **(labels or {})}}})
        try:
            _wait_for_account(core, name)
            yield name
        finally:
            core.delete_namespace(name)


def _wait_for_account(core: Any, name: str) -> None:
    """Return once the namespace has the ServiceAccount without which no pod is admitted."""
    for _ in range(300):
        if core.list_namespaced_service_account(name).items:
            return
        time.sleep(0.1)
    pytest.fail(f"namespace {name} has no ServiceAccount after 30 s")


def workspace_on(
    tmp_path: Path, namespace: str, environ: Mapping[str, str] | None = None, **kubernetes: str
) -> Workspace:
    """Return a workspace below ``tmp_path`` whose pods run in ``namespace``, with a prefix that nobody else has.

    ``environ`` is what else is set; ``kubernetes`` are further fields of ``Workspace.kubernetes``, such as ``claim``.
    """
    named = {f"AIRLOOP_KUBERNETES_{name.upper()}": value for name, value in kubernetes.items()}
    return Workspace.from_environment(
        {
            "AIRLOOP_HOME": str(tmp_path),
            "AIRLOOP_PREFIX": f"t{secrets.token_hex(4)}",
            "AIRLOOP_REGISTRY": REGISTRY,
            "AIRLOOP_KUBERNETES_REGISTRY": REGISTRY_OF_NODES,
            "AIRLOOP_KUBERNETES_NAMESPACE": namespace,
            **named,
            **(environ or {}),
        }
    )


@cache
def plain_image() -> str:
    """Return a reference by digest, in the tests' registry, of an image that has Python and nothing of ours."""
    import docker

    name = f"{REGISTRY}/plain-python"
    with closing(docker.from_env()) as engine:
        engine.images.get(PLAIN).tag(name, "1")
        engine.images.push(name, "1")
        pushed = engine.images.get(f"{name}:1").attrs["RepoDigests"]
    digest = next(one.partition("@")[2] for one in pushed if one.startswith(f"{name}@"))
    return f"{REGISTRY_OF_NODES or REGISTRY}/plain-python@{digest}"
