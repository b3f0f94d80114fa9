"""Where Prometheus finds the model servers."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from .conftest import MONDAY, NAME, add_release


def ask(running):
    return httpx.get(f"{running.url}/targets", trust_env=False)


def test_the_local_server_is_one_target(workspace, run):
    add_release(workspace, 1)
    answer = ask(run(replace(workspace, server_url="http://127.0.0.1:8800")))
    assert answer.headers["content-type"] == "application/json"
    labels = {"__scheme__": "http", "__metrics_path__": "/metrics", "instance": "local", "server": "local"}
    assert answer.json() == [{"targets": ["127.0.0.1:8800"], "labels": labels}]


def test_without_ledger_or_gateway_prometheus_keeps_what_it_knows(workspace, run):
    lost = run(replace(workspace, ledger_url="postgresql+psycopg://nobody@127.0.0.1:1/none"))
    assert ask(lost).status_code == 503
    assert ask(lost).json() == {"error": "the ledger does not answer, so nobody knows what is live"}
    on_docker(workspace)
    silent = ask(run(replace(workspace, gateway_admin_url="http://127.0.0.1:1")))
    assert silent.status_code == 503
    assert silent.json()["error"].startswith(f"the gateway at http://127.0.0.1:1 does not say who serves {NAME}: ")


def on_docker(workspace):
    workspace.ledger.promote(
        NAME, "docker", bundle="1" * 64, version="1", data_cut_off=MONDAY, expected_generation=0, run_id="r",
        reasons=[], image=f"sha256:{'1' * 64}",
    )  # fmt: skip


@pytest.fixture
def gateway(workspace) -> Iterator[tuple]:
    """A real gateway of a stack of its own, and the workspace that it belongs to."""
    import docker

    from airloop.gateway import Gateway

    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    public, admin = (f"http://127.0.0.1:{port}" for port in ports)
    prefix = f"airloop-t-{secrets.token_hex(4)}"
    here = replace(workspace, prefix=prefix, gateway_url=public, gateway_admin_url=admin)
    client = docker.from_env(timeout=60)
    try:
        yield Gateway(here, client), here
    finally:
        mine = {"label": f"dev.airloop.stack={prefix}"}
        for container in client.containers.list(all=True, filters=mine):
            container.remove(force=True, v=True)
        for volume in client.volumes.list():
            if volume.name.startswith(prefix):
                volume.remove(force=True)
        client.close()


@pytest.mark.docker
def test_servers_in_containers_are_found_through_the_gateway(gateway, run):
    from airloop.gateway import Route, Upstream

    door, workspace = gateway
    on_docker(workspace)
    running = run(workspace)
    door.ensure()
    assert ask(running).json() == []
    champion = Upstream(f"{workspace.prefix}-{NAME}-a", "1" * 64, "1")
    candidate = Upstream(f"{workspace.prefix}-{NAME}-b", "2" * 64, "2")
    door.put(NAME, Route(champion, candidate, 10))
    found = ask(running).json()
    assert [(one["labels"]["role"], one["labels"]["server"]) for one in found] == [
        ("candidate", candidate.server),
        ("champion", champion.server),
    ]
    labels = found[1]["labels"]
    assert (labels["pipeline"], labels["__metrics_path__"]) == (NAME, f"/-/{champion.server}/metrics")
    # Nobody listens on that socket, and the gateway says so: this is where Prometheus will ask.
    answer = httpx.get(f"http://{found[1]['targets'][0]}{labels['__metrics_path__']}", trust_env=False)
    assert (answer.status_code, answer.json()) == (503, {"error": "no server of that name or model answers"})
