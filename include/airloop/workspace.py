"""Where a run's state lives: store, ledger, MLflow, model server, and named database connections."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop.errors import DataError
from airloop.store import Store

if TYPE_CHECKING:
    from airloop.ledger import Ledger

PROJECT = Path(__file__).resolve().parents[2]
"""The checkout: the folder that holds ``dags``, ``plugins`` and ``include``."""


@dataclass(frozen=True)
class Kubernetes:
    """Where in a cluster pods run, and what they find there; "" where there is none of it."""

    namespace: str = ""
    """Default: that of the kubeconfig's context, or the pod's own."""
    registry: str = ""
    """What nodes call ``Workspace.registry``, where that is another name for them."""
    pull_secret: str = ""
    """Secret with which nodes pull images."""
    secret: str = ""
    """Secret whose entries servers and steps get as environment variables: credentials of the store, for example."""
    claim: str = ""
    """PersistentVolumeClaim that holds the store where that is a folder; pods find it at the same path."""
    gateway: str = ""
    """``namespace/name`` of the Gateway (Gateway API) that shares requests out; "" shares them by numbers of pods."""
    service_account: str = "default"
    """Of the servers and steps."""
    prometheus: str = ""
    """URL of a Prometheus that scrapes the servers; "" asks the servers themselves."""
    ready_s: float = 90.0
    """Longest wait for pods to answer while nothing says that they never will; more where nodes are added on demand."""
    client: Callable[[], Any] | None = field(default=None, repr=False, compare=False)
    """Gives the API client; None reads the kubeconfig, or in a pod its service account. Inside Airflow it asks the
    provider's hook."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Kubernetes:
        """Read ``AIRLOOP_KUBERNETES_NAMESPACE``, ``AIRLOOP_KUBERNETES_REGISTRY``, ``AIRLOOP_KUBERNETES_PULL_SECRET``,
        ``AIRLOOP_KUBERNETES_SECRET``, ``AIRLOOP_KUBERNETES_CLAIM``, ``AIRLOOP_KUBERNETES_GATEWAY``,
        ``AIRLOOP_KUBERNETES_SERVICE_ACCOUNT``, ``AIRLOOP_KUBERNETES_READY_S`` and ``AIRLOOP_PROMETHEUS``.

        Raises DataError for a number of seconds that is none.
        """
        named = ("namespace", "registry", "pull_secret", "secret", "claim", "gateway", "service_account")
        given: dict[str, Any] = {name: env.get(f"AIRLOOP_KUBERNETES_{name.upper()}") or "" for name in named}
        given["prometheus"] = env.get("AIRLOOP_PROMETHEUS") or ""
        ready_s = _seconds("AIRLOOP_KUBERNETES_READY_S", env.get("AIRLOOP_KUBERNETES_READY_S") or cls.ready_s)
        return cls(**{name: value.rstrip("/") for name, value in given.items() if value}, ready_s=ready_s)


def _seconds(variable: str, given: str | float) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise DataError(f"{variable}: {given!r} is no number of seconds from 1 to 3600")
    return seconds


def connection_from_environment(conn_id: str) -> str:
    """Return the URL in ``AIRFLOW_CONN_<CONN_ID>``; raise DataError where it is unset."""
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    try:
        return os.environ[variable]
    except KeyError:
        raise DataError(f"connection {conn_id!r} is unknown: set {variable} or add it in Airflow") from None


def _server_of(home: Path) -> str:
    """Return where the stack of this home serves, as it says itself, or would serve."""
    try:
        return (home / "run" / "server.url").read_text(encoding="utf-8").strip()
    except OSError:
        return "http://127.0.0.1:8800"


@dataclass(frozen=True)
class Workspace:
    """The places a step reads and writes, each given by one setting.

    ``connection`` turns a connection's id into a URL; inside Airflow it asks Airflow.
    """

    home: Path
    store_url: str
    ledger_url: str
    mlflow_url: str
    server_url: str
    pipelines: Path
    registry: str = ""
    """Where images are pushed to, for example ``registry.example.com/models``; "" keeps them in the Docker engine."""
    gateway_url: str = "http://127.0.0.1:8900"
    """What answers predictions of models that run in containers."""
    gateway_admin_url: str = "http://127.0.0.1:8901"
    """The same gateway's other door, by which each container is looked at and told what to do."""
    prefix: str = "airloop"
    """How the names of containers, volumes and images begin, so that several stacks share a Docker engine."""
    signing_key: str = ""
    """File with the private key that signs, or ``connection:ID``; "" takes ``home/secrets/signing.key``, made once."""
    trusted_keys: str = ""
    """Files, or folders, of further public keys whose signatures count, separated like those of ``PATH``."""
    kubernetes: Kubernetes = Kubernetes()
    """The cluster that releases and steps go to."""
    connection: Callable[[str], str] = field(default=connection_from_environment, repr=False, compare=False)
    is_onlooking: bool = False
    """Whether its ledger is only looked at: neither made, migrated nor changed, and not waited for long."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Workspace:
        """Read ``AIRLOOP_HOME``, ``_STORE``, ``_LEDGER``, ``_MLFLOW``, ``_SERVER``, ``_PIPELINES`` and, for Docker,
        ``_REGISTRY``, ``_GATEWAY``, ``_GATEWAY_ADMIN`` and ``_PREFIX``; for evidence ``_SIGNING_KEY`` and
        ``_TRUSTED_KEYS``; for Kubernetes see ``Kubernetes``.

        Unset ones get embedded defaults below ``AIRLOOP_HOME`` (default: ``.airloop`` in the checkout).
        """
        env = os.environ if environ is None else environ
        home = Path(env.get("AIRLOOP_HOME") or PROJECT / ".airloop").absolute()
        return cls(
            home=home,
            store_url=env.get("AIRLOOP_STORE") or str(home / "store"),
            ledger_url=env.get("AIRLOOP_LEDGER") or f"sqlite:///{home}/ledger.db",
            mlflow_url=env.get("AIRLOOP_MLFLOW") or f"sqlite:///{home}/mlflow.db",
            server_url=env.get("AIRLOOP_SERVER") or _server_of(home),
            pipelines=Path(env.get("AIRLOOP_PIPELINES") or PROJECT / "include" / "pipelines").absolute(),
            registry=(env.get("AIRLOOP_REGISTRY") or "").rstrip("/"),
            gateway_url=(env.get("AIRLOOP_GATEWAY") or cls.gateway_url).rstrip("/"),
            gateway_admin_url=(env.get("AIRLOOP_GATEWAY_ADMIN") or cls.gateway_admin_url).rstrip("/"),
            prefix=env.get("AIRLOOP_PREFIX") or cls.prefix,
            signing_key=env.get("AIRLOOP_SIGNING_KEY") or "",
            trusted_keys=env.get("AIRLOOP_TRUSTED_KEYS") or "",
            kubernetes=Kubernetes.from_environment(env),
        )

    @cached_property
    def store(self) -> Store:
        """The store at ``store_url``."""
        return Store(self.store_url, cache=self.home / "cache")

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger at ``ledger_url``, its tables brought up to date at first use unless it is only looked at."""
        from airloop.ledger import Ledger, Onlooker

        return Onlooker(self.ledger_url) if self.is_onlooking else Ledger(self.ledger_url)

    def onlooking(self) -> Workspace:
        """Return the same places for somebody who only looks, such as a page."""
        return replace(self, is_onlooking=True)
