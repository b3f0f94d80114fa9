from __future__ import annotations

import pytest

from airloop.errors import DataError
from airloop.workspace import PROJECT, Workspace, connection_from_environment


def test_everything_lies_below_home_unless_set(tmp_path):
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)})
    assert workspace.store_url == str(tmp_path / "store")
    assert workspace.ledger_url == f"sqlite:///{tmp_path}/ledger.db"
    assert workspace.mlflow_url == f"sqlite:///{tmp_path}/mlflow.db"
    assert workspace.server_url == "http://127.0.0.1:8800"
    assert workspace.pipelines == PROJECT / "include" / "pipelines"
    assert workspace.store.uri("bundles", "d") == f"{tmp_path}/store/bundles/d"


def test_every_place_has_its_own_setting(tmp_path):
    names = ("STORE", "LEDGER", "MLFLOW", "SERVER")
    environ = {f"AIRLOOP_{name}": f"memory://{name}" for name in names}
    workspace = Workspace.from_environment({**environ, "AIRLOOP_PIPELINES": str(tmp_path / "p")})
    urls = (workspace.store_url, workspace.ledger_url, workspace.mlflow_url, workspace.server_url)
    assert urls == tuple(environ.values())
    assert workspace.pipelines == tmp_path / "p"
    assert workspace.home == PROJECT / ".airloop"


def test_a_relative_home_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Workspace.from_environment({"AIRLOOP_HOME": "here"}).home == tmp_path / "here"


def test_connections_come_from_the_environment_as_in_airflow(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "sqlite:////data/flights.db")
    assert connection_from_environment("warehouse") == "sqlite:////data/flights.db"
    with pytest.raises(DataError, match=r"connection 'wharehouse' is unknown: set AIRFLOW_CONN_WHAREHOUSE or add it"):
        connection_from_environment("wharehouse")


def test_how_long_pods_may_take_is_a_setting(tmp_path):
    given = {"AIRLOOP_HOME": str(tmp_path), "AIRLOOP_KUBERNETES_READY_S": "300"}
    assert Workspace.from_environment(given).kubernetes.ready_s == 300
    assert Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)}).kubernetes.ready_s == 90
    for wrong in ("5m", "0", "nan"):
        with pytest.raises(DataError, match=f"AIRLOOP_KUBERNETES_READY_S: '{wrong}' is no number of seconds"):
            Workspace.from_environment(given | {"AIRLOOP_KUBERNETES_READY_S": wrong})
