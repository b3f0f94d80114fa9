"""What targets serve, asked by somebody who only looks: nothing is started, made or changed, and nobody waits long."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import httpx

from airloop.errors import Unreachable
from airloop.release import counting, local
from airloop.release.target import Observed, Placed, State
from airloop.serving.client import ServerClient
from airloop.serving.refusal import Refusal
from airloop.serving.tokens import read
from airloop.workspace import Workspace


def on_local(workspace: Workspace, pipelines: Collection[str], *, timeout_s: float) -> dict[str, Observed]:
    """Return what the local model server serves of each pipeline, by one request. Raises Unreachable."""
    url = workspace.server_url
    try:
        with ServerClient(url, read(workspace.home).admin, timeout_s=timeout_s) as server:
            return {name: local.observed(kept) for name, kept in server.get_states(pipelines).items()}
    except Refusal as error:
        raise Unreachable(f"the model server at {url} says {error.status}: {error.reason}") from error


def on_docker(workspace: Workspace, pipeline: str, *, timeout_s: float) -> Observed:
    """Return what containers serve, by the gateway's administration door: no Docker engine is asked.

    A version whose container does not answer is not served. Raises Unreachable when the gateway does not answer.
    """
    route, token = _route(workspace.gateway_admin_url, pipeline, timeout_s), read(workspace.home).admin
    told: dict[str, dict[str, Any]] = {}
    for role, one in route.items():
        try:
            with ServerClient(f"{workspace.gateway_admin_url}/-/{one['server']}", token, timeout_s=timeout_s) as server:
                told[role] = server.get_state(pipeline)
        except (Unreachable, Refusal):
            continue
    champion, candidate = (_served(told.get(role)) for role in ("champion", "candidate"))
    share, first, second = route.get("candidate", {}), _stats(told, route, "champion"), _stats(told, route, "candidate")
    state = State(champion)
    if candidate is not None:
        state = replace(state, candidate=candidate, candidate_percent=share.get("percent", 0))
        state = replace(state, shadow=share.get("shadow", False))
    return Observed(state, counting.own(first), counting.of_candidate(second, first))


def _route(url: str, pipeline: str, timeout_s: float) -> dict[str, dict[str, Any]]:
    """Return role → server, version and share, by the gateway; nothing for a pipeline that it does not know."""
    try:
        checks = url.startswith("https:")  # to load certificates that nobody asks for takes longer than to ask
        answer = httpx.get(f"{url}/-/routes/{pipeline}", timeout=timeout_s, trust_env=False, verify=checks)
        route: dict[str, dict[str, Any]] = answer.json() if answer.status_code == 200 else {}
    except (httpx.TransportError, ValueError) as error:
        raise Unreachable(f"the gateway at {url} does not say who serves {pipeline}: {error}") from error
    return route


def _served(told: dict[str, Any] | None) -> Placed | None:
    """Return what a container serves: in it the one version is the champion, whatever its share."""
    champion = told["champion"] if told else None
    return Placed(champion["bundle"], champion["version"]) if champion else None


def _stats(told: dict[str, dict[str, Any]], route: dict[str, dict[str, Any]], role: str) -> dict[str, Any]:
    stats: dict[str, Any] = told[role]["stats"].get(route[role]["version"], {}) if role in told else {}
    return stats
