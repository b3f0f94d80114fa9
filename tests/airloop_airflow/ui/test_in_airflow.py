"""The pages in the very application that Airflow's API server runs."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def airflow(metadata, auth_manager):
    from airflow.api_fastapi.app import create_app

    return create_app("core")


@pytest.fixture
def client(airflow, auth_manager):
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    client = TestClient(airflow, base_url="http://airflow")
    client.headers["Authorization"] = (
        f"Bearer {auth_manager.generate_jwt(SimpleAuthManagerUser(username='dan', role='admin'))}"
    )
    return client


def test_airflow_serves_the_pages_and_compresses_what_is_long(client, write):
    write(*(f"p{number}" for number in range(12)))
    table = client.get("/airloop/api/models")
    assert len(table.json()["models"]) == 12
    assert table.headers["content-encoding"] == "gzip"
    assert client.get("/airloop/ui/").headers["content-type"].startswith("text/html")


def test_a_token_in_a_header_will_do_as_well_as_a_cookie(client, write):
    write("parcels")
    assert client.get("/airloop/api/me").json() == {"name": "dan", "may_see": 1}
    del client.headers["Authorization"]
    assert client.get("/airloop/api/me").status_code == 401


def test_airflow_says_where_the_pages_are(client):
    (plugin,) = [one for one in client.get("/api/v2/plugins").json()["plugins"] if one["name"] == "airloop"]
    assert {view["destination"] for view in plugin["external_views"]} == {
        "nav",
        "dag",
        "dag_run",
        "task",
        "task_instance",
    }
    assert client.get("/api/v2/plugins/importErrors").json()["import_errors"] == []


def test_an_act_is_in_the_audit_log_that_airflow_shows(client, write):
    write("parcels")
    client.post("/airloop/api/pipelines/parcels/pause", json={"reason": "wrong prices"})
    logs = client.get("/api/v2/eventLogs?dag_id=parcels.train").json()["event_logs"]
    assert [(log["event"], log["owner"], log["dag_id"]) for log in logs] == [("airloop.pause", "dan", "parcels.train")]
