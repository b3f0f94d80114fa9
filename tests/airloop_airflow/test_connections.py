from __future__ import annotations

import json

import pytest
import sqlalchemy

from airloop.data.sources.urls import sqlalchemy_url
from airloop.errors import DataError
from airloop_airflow.connections import KUBERNETES, kubernetes_client, uri_of
from airloop_airflow.context import workspace


@pytest.mark.parametrize(
    "written",
    [
        "postgres://ann:p%40ss%2F@db.example:5432/shop?sslmode=require",
        json.dumps(
            {
                "conn_type": "postgres",
                "login": "ann",
                "password": "p@ss/",
                "host": "db.example",
                "port": 5432,
                "schema": "shop",
                "extra": {"sslmode": "require"},
            }
        ),
    ],
)
def test_a_database_server_is_reached_as_airflow_knows_it(monkeypatch, written):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", written)
    url = sqlalchemy_url(uri_of("warehouse"), "warehouse")
    assert (url.get_backend_name(), url.host, url.port, url.database) == ("postgresql", "db.example", 5432, "shop")
    assert (url.username, url.password, dict(url.query)) == ("ann", "p@ss/", {"sslmode": "require"})


def test_a_database_file_is_reached_as_airflow_knows_it(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/shop.db"}))
    engine = sqlalchemy.create_engine(sqlalchemy_url(uri_of("warehouse"), "warehouse"))
    with engine.begin() as database:
        database.execute(sqlalchemy.text("CREATE TABLE parcels (id INTEGER)"))
    engine.dispose()
    assert (tmp_path / "shop.db").exists()


def test_an_unknown_connection_says_where_to_add_it():
    with pytest.raises(DataError, match=r"'nowhere' is unknown: add it in Airflow .* or set AIRFLOW_CONN_NOWHERE"):
        uri_of("nowhere")


def test_the_cluster_is_reached_by_the_connection_that_is_named(monkeypatch, tmp_path):
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "https://cluster.example"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    named = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(tmp_path / "kubeconfig")}}
    monkeypatch.setenv("AIRFLOW_CONN_PRODUCTION", json.dumps(named))
    monkeypatch.setenv(KUBERNETES, "production")
    with workspace().kubernetes.client() as client:
        assert client.configuration.host == "https://cluster.example"


def test_an_unknown_connection_to_the_cluster_is_told_with_its_variable(monkeypatch):
    monkeypatch.setenv(KUBERNETES, "nowhere")
    with pytest.raises(DataError, match=r"'nowhere' is unknown, and AIRLOOP_KUBERNETES_CONNECTION names it"):
        kubernetes_client()
