"""Where the model servers are, as Prometheus' HTTP service discovery takes it.

Servers in containers are reached, and found, through the gateway's administration door: no Docker engine is asked, so
who shows metrics needs no right to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from airloop.errors import Unreachable

if TYPE_CHECKING:
    from airloop.exporter.facts import Facts
    from airloop.workspace import Workspace

_TIMEOUT_S = 5.0


def targets(workspace: Workspace, facts: Facts) -> list[dict[str, Any]]:
    """Return one group for each server of the targets in use, those of containers with the labels ``pipeline`` and
    ``role`` (``champion``, ``candidate``).

    Raises Unreachable when ledger or gateway does not answer: then nobody knows who serves.
    """
    if not facts.is_up["ledger"]:
        raise Unreachable("the ledger does not answer, so nobody knows what is live")
    live = {(champion.target, champion.pipeline) for pipeline in facts.pipelines for champion, _ in pipeline.champions}
    described = {(pipeline.rules.target, pipeline.name) for pipeline in facts.pipelines if pipeline.rules is not None}
    on_docker = sorted(name for target, name in live | described if target == "docker")
    is_local = any(target == "local" for target, _ in live)
    found = [_group(workspace.server_url, "", "local")] if is_local else []
    return [*found, *_containers(workspace.gateway_admin_url, on_docker)]


def _containers(url: str, pipelines: list[str]) -> Iterator[dict[str, Any]]:
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False) as gateway:
        for pipeline in pipelines:
            for role, one in sorted(_route(gateway, pipeline).items()):
                yield _group(url, f"/-/{one['server']}", one["server"], pipeline=pipeline, role=role)


def _route(gateway: httpx.Client, pipeline: str) -> dict[str, Any]:
    try:
        answer = gateway.get(f"/-/routes/{pipeline}")
        route: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    except (httpx.TransportError, ValueError) as error:
        raise Unreachable(f"the gateway at {gateway.base_url} does not say who serves {pipeline}: {error}") from error
    return route


def _group(url: str, below: str, server: str, **labels: str) -> dict[str, Any]:
    parts = urlsplit(url)
    address = parts.netloc if parts.port else f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}"
    where = {"__scheme__": parts.scheme, "__metrics_path__": f"{below}/metrics", "instance": server}
    return {"targets": [address], "labels": {**where, "server": server, **labels}}
