"""Finding the cluster: the client that a workspace gives, the kubeconfig, or a pod's own account."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from airloop.workspace import Kubernetes

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds the name of its own."""


@contextmanager
def client_of(settings: Kubernetes) -> Iterator[tuple[ApiClient, str]]:
    """Give a client and the namespace that it works in; one that was made here is closed.

    Raises ConfigException where no cluster is named.
    """
    if settings.client is not None:
        yield settings.client(), settings.namespace or _own_namespace()
        return
    api, namespace = _made()
    try:
        yield api, settings.namespace or namespace
    finally:
        close_connections(api)


def _made() -> tuple[ApiClient, str]:
    from kubernetes import client, config

    made, path = client.Configuration(), os.environ.get("KUBECONFIG") or None
    if "KUBERNETES_SERVICE_HOST" in os.environ and path is None:
        config.load_incluster_config(client_configuration=made)
        return client.ApiClient(made), _own_namespace()
    config.load_kube_config(path, client_configuration=made)
    _, active = config.list_kube_config_contexts(path)
    return client.ApiClient(made), active["context"].get("namespace") or "default"


def close_connections(api: ApiClient) -> None:
    """Close the connections of a client, which leaves them to the garbage collector itself."""
    pools = api.rest_client.pool_manager.pools
    for key in pools.keys():  # no dict
        if pool := pools.get(key):
            pool.close()
    api.close()


def _own_namespace() -> str:
    try:
        return OWN_NAMESPACE.read_text(encoding="utf-8").strip() or "default"
    except OSError:
        return "default"
