"""What a cluster's errors mean: whether asking again can help, and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from airloop.errors import AirloopError, ClusterRefused, Unreachable

PASSING = (408, 409, 425, 429)
"""Refusals that heal: time, another's change at the same moment, too much at once."""
NO_CLUSTER = (
    "Set KUBECONFIG to a kubeconfig, run inside the cluster, or in Airflow add the connection that "
    "AIRLOOP_KUBERNETES_CONNECTION names"
)
_NO_RIGHT = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?: in the namespace "(?P<namespace>[^"]+)")?'
)

_HANDSHAKE = re.compile(r"Handshake status (?P<status>\d{3})(?:.*-\+-\+- (?:b')?(?P<body>\{.*\})'?)?", re.DOTALL)


@contextmanager
def answering() -> Iterator[None]:
    """Turn what the Kubernetes client raises into Unreachable (asking again can help) or ClusterRefused (it cannot)."""
    from kubernetes.client import ApiException
    from kubernetes.config import ConfigException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        raise meaning_of(error.status or 0, error.body or error.reason or "") from error
    except ConfigException as error:
        raise Unreachable(f"no Kubernetes cluster is named: {error} {NO_CLUSTER}") from error
    except HTTPError as error:
        raise Unreachable(_silence(error)) from error


def meaning_of(status: int, body: str | bytes) -> AirloopError:
    """Return what to raise for an answer of the API server with this HTTP ``status``; 0 is a broken exec."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    shaken = _HANDSHAKE.match(text)
    if shaken:
        status, text = int(shaken["status"]), shaken["body"] or text
    said = message_of(text) or f"HTTP {status}"
    if status == 401:
        return ClusterRefused(f"the cluster does not know who asks ({said}): are the kubeconfig's credentials valid?")
    # An object with an unknown field is what older servers call an error of their own.
    if (400 <= status < 500 and status not in PASSING) or "field not declared in schema" in said:
        return ClusterRefused(_refusal(said))
    return Unreachable(f"the Kubernetes API server does not do it now: {said}")


def message_of(body: str) -> str:
    """Return what a ``Status`` of the API server says, or the text itself where it is none."""
    try:
        value = json.loads(body)
    except ValueError:
        return body.strip()
    return str(value.get("message") or body) if isinstance(value, dict) else body


def _refusal(said: str) -> str:
    missing = _NO_RIGHT.search(said)
    if missing is None:
        return f"the cluster refuses it: {said}"
    resource = ".".join(filter(None, (missing["resource"], missing["group"])))
    where = f" in namespace {missing['namespace']}" if missing["namespace"] else ""
    return (
        f"{missing['user']} has no right to {missing['verb']} {resource}{where}: grant the verb in its Role "
        "(deploy/kubernetes has one with all that Airloop needs)"
    )


def _silence(error: Exception) -> str:
    pool, reason = getattr(error, "pool", None), getattr(error, "reason", None) or error
    where = f" at {pool.scheme}://{pool.host}:{pool.port}" if pool is not None else ""
    return (
        f"the Kubernetes API server{where} does not answer: {reason}. Is it running, does KUBECONFIG name it, and does "
        "this machine reach it? Retry when it answers; what runs in the cluster goes on meanwhile"
    )
