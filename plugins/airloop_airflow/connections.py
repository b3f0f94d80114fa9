"""Airflow's connections, for sources that read through one and for the Kubernetes cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from airloop.errors import DataError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

KUBERNETES = "AIRLOOP_KUBERNETES_CONNECTION"


def uri_of(conn_id: str) -> str:
    """Return the URI of an Airflow connection, in Airflow's form. Raises DataError where there is none."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return str(Connection.get(conn_id).get_uri())
    except AirflowNotFoundException:
        raise DataError(
            f"connection {conn_id!r} is unknown: add it in Airflow (Admin → Connections) "
            f"or set AIRFLOW_CONN_{conn_id.upper()}"
        ) from None


def kubernetes() -> str:
    """Return the id of the connection to the cluster: by default the provider's own.

    That one need not exist: then a pod's service account, or the kubeconfig, is taken.
    """
    return os.environ.get(KUBERNETES) or "kubernetes_default"


def kubernetes_client() -> ApiClient:
    """Return a new client of the cluster, made by the provider's hook. Raises DataError for an unknown connection."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return KubernetesHook(conn_id=kubernetes()).get_conn()
    except AirflowNotFoundException:
        raise DataError(
            f"connection {kubernetes()!r} is unknown, and {KUBERNETES} names it: add it in Airflow (Admin → "
            "Connections), or unset the variable to use the kubeconfig or the pod's own account"
        ) from None
