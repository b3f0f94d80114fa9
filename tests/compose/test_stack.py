"""One stack from nothing to a released image, up again, and restored from a backup. In the order of the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from airloop.compose import backup, stack
from airloop.compose.engine import ComposeFailed
from airloop.serving.client import ServerClient

from .conftest import Running

pytestmark = [pytest.mark.docker, pytest.mark.e2e, pytest.mark.timeout(1800)]

PIPELINE = "flight_delays"


def _answer(running: Running) -> dict[str, Any]:
    """Return what the live model says to the demo's request."""
    request = json.loads(running.inside("airflow-scheduler", "cat", "/srv/airloop/home/example_request.json"))
    row = {each["name"]: each["data"][0] for each in request["inputs"]}
    gateway, token = running.url("AIRLOOP_GATEWAY_PORT"), running.engine.settings["AIRLOOP_INFER_TOKEN"]
    with ServerClient(gateway, token, timeout_s=30) as client:
        answer = client.infer(PIPELINE, row)
    return {"version": answer["model_version"], "outputs": answer["outputs"]}


def _history(running: Running) -> Any:
    return running.cli("history", PIPELINE, "--json")


def _servers(running: Running) -> list[dict[str, Any]]:
    return running.engine.inspect(running.engine.containers(role="server", pipeline=PIPELINE))


def test_every_service_is_healthy_and_published_on_loopback_only(running: Running):
    assert stack.unready(running.engine) == {}
    project = f"label=com.docker.compose.project={running.engine.settings['COMPOSE_PROJECT_NAME']}"
    found = running.engine.inspect(running.engine.docker("ps", "--quiet", "--filter", project).split())

    assert len(found) >= 8
    for each in found:
        assert each["State"]["Health"]["Status"] == "healthy", each["Name"]
        for binding in (each["HostConfig"]["PortBindings"] or {}).values():
            assert [host["HostIp"] for host in binding] == ["127.0.0.1"]


def test_the_docker_proxy_allows_what_is_listed_and_nothing_else(running: Running):
    asked = (
        "import httpx\n"
        "for method, path in {calls}:\n"
        "    print(httpx.request(method, 'http://docker-proxy:2375' + path, timeout=30).status_code)\n"
    )
    refused = [
        ("POST", "/v1.41/containers/prune"), ("GET", "/v1.41/swarm"), ("POST", "/v1.41/containers/x/update"),
        ("POST", "/v1.41/plugins/pull"), ("GET", "/v1.41/containers/json/../../swarm"), ("POST", "/v1.41/commit"),
        ("GET", "/v1.41/images/..%2f..%2fswarm/json"), ("DELETE", "/v1.41/networks/bridge"), ("GET", "/system/df"),
    ]  # fmt: skip

    allowed = running.inside("airflow-scheduler", "python", "-c", asked.format(calls=[("GET", "/_ping")]))
    denied = running.inside("airflow-scheduler", "python", "-c", asked.format(calls=refused))

    assert allowed.split() == ["200"]
    assert denied.split() == ["403"] * len(refused)


def test_the_database_lets_each_role_into_its_own_database_only(running: Running):
    query = "SELECT d.datname, r.rolname FROM pg_database d, pg_roles r WHERE r.rolcanlogin AND NOT r.rolsuper "
    query += (
        "AND has_database_privilege(r.rolname, d.datname, 'CONNECT') AND d.datname IN ('airflow','mlflow','airloop')"
    )

    told = running.inside("postgres", "psql", "-U", "postgres", "-AtF", " ", "-c", f"{query} ORDER BY 1")

    assert told.splitlines() == ["airflow airflow", "airloop airloop", "mlflow mlflow"]


def test_the_ledger_s_login_does_not_open_airflow_s_database(running: Running):
    login = f"postgresql://airloop:{running.engine.settings['AIRLOOP_DB_PASSWORD']}@postgres"
    enter = "import sys, psycopg; psycopg.connect(sys.argv[1]); print('in')"

    assert running.inside("airflow-scheduler", "python", "-c", enter, f"{login}/airloop").strip() == "in"
    with pytest.raises(ComposeFailed, match='permission denied for database "airflow"'):
        running.inside("airflow-scheduler", "python", "-c", enter, f"{login}/airflow")


def test_the_demo_goes_from_nothing_to_a_released_image(running: Running):
    running.engine.beside("airloop", "demo", "--weeks", "7")

    told = _history(running)
    live = told["production"][0]
    assert live["target"] == "docker" and f"/{PIPELINE}@sha256:" in live["image"]
    assert len(told["windows"]) == 7
    assert "RETRAIN" in json.dumps(told["windows"])
    [server] = _servers(running)
    assert server["State"]["Running"] and server["HostConfig"]["NetworkMode"] == "none"
    assert server["Config"]["Image"] == live["image"]
    assert _answer(running)["version"] == live["version"]


def test_a_second_up_loses_nothing(running: Running):
    before = (_history(running), _answer(running))

    stack.down(running.engine, running.said.append)
    with pytest.raises(httpx.TransportError):
        httpx.get(running.url("AIRLOOP_GATEWAY_PORT"), trust_env=False)
    stack.up(running.engine, running.said.append)

    assert (_history(running), _answer(running)) == before


def test_a_backup_brings_everything_back_the_image_from_the_registry(running: Running, tmp_path: Path):
    before = (_history(running), _answer(running))
    runs = running.api.runs(f"{PIPELINE}.train", "manual")
    images = {server["Image"] for server in _servers(running)}
    kept = backup.backup(running.engine, tmp_path / "kept", running.said.append)

    stack.down(running.engine, running.said.append, erase=True)
    running.engine.docker("image", "rm", "--force", *images)
    backup.restore(running.engine, kept, running.said.append)

    assert (_history(running), _answer(running)) == before
    assert [run["dag_run_id"] for run in running.api.runs(f"{PIPELINE}.train", "manual")] == [
        run["dag_run_id"] for run in runs
    ]
    shutil.rmtree(kept)
