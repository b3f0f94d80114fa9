from __future__ import annotations

from pathlib import Path

import pytest

from airloop.errors import DataError, StepFailed
from airloop.spec import find
from airloop.steps import surroundings
from airloop.workspace import Workspace

SPEC = """\
name: parcels
data: {{source: {{{source}}}, event_time: sent_at, label: {{column: late}}}}
model: {{task: binary}}
"""
REMOTE = {
    "AIRLOOP_STORE": "s3://bucket/store",
    "AIRLOOP_LEDGER": "postgresql+psycopg://airloop:secret@db/airloop",
    "AIRLOOP_MLFLOW": "http://mlflow:5000",
}


@pytest.fixture
def opened(tmp_path):
    """Make a workspace of some settings and a pipeline that reads ``source``."""

    def make(source: str = 'path: "data/{date}.csv"', **settings: str):
        folder = tmp_path / "pipelines" / "parcels"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pipeline.yaml").write_text(SPEC.format(source=source))
        (folder / "all.sql").write_text("select 1")
        environ = {"AIRLOOP_HOME": str(tmp_path / "home"), "AIRLOOP_PIPELINES": str(tmp_path / "pipelines")}
        workspace = Workspace.from_environment(environ | settings)
        return workspace, find("parcels", workspace)

    return make


def paths(folders) -> dict[Path, bool]:
    """Return path → whether it may be written."""
    return {folder.path: folder.is_writable for folder in folders}


def test_by_default_all_lies_in_the_home(opened, tmp_path):
    assert paths(surroundings.folders(*opened())) == {tmp_path / "home": True}
    assert (tmp_path / "home" / "store").is_dir()


def test_folders_elsewhere_are_added_and_the_source_is_only_read(opened, tmp_path):
    made = opened(
        f'path: "{tmp_path}/landing/date={{date}}/*.csv"',
        AIRLOOP_STORE=f"file://{tmp_path}/store",
        AIRLOOP_LEDGER=f"sqlite:///{tmp_path}/state/ledger.db",
    )
    assert paths(surroundings.folders(*made)) == {
        tmp_path / "home": True,
        tmp_path / "store": True,
        tmp_path / "state": True,
        tmp_path / "landing": False,
    }


def test_with_everything_remote_no_folder_is_needed(opened, tmp_path):
    assert surroundings.folders(*opened('path: "s3://bucket/{date}.csv"', **REMOTE)) == []
    assert paths(surroundings.folders(*opened(**REMOTE))) == {tmp_path / "home": True}, "rows lie in it"


def test_a_network_is_given_only_to_what_is_remote(opened):
    assert surroundings.network(*opened(), {}) == "none"
    assert surroundings.network(*opened('path: "s3://bucket/{date}.csv"'), {}) == "bridge"
    assert surroundings.network(*opened("conn_id: warehouse, sql: all.sql"), {}) == "bridge"
    for name, value in REMOTE.items():
        assert surroundings.network(*opened(**{name: value}), {}) == "bridge", name
    assert surroundings.network(*opened(), {"AIRLOOP_DOCKER_NETWORK": "stack_default"}) == "stack_default"


def test_a_step_gets_the_workers_places_and_no_more_than_it_needs(opened, tmp_path):
    environ = {
        "AWS_ACCESS_KEY_ID": "k",
        "MLFLOW_TRACKING_TOKEN": "t",
        "no_proxy": "db",
        "HTTPS_PROXY": "http://p",
        "OMP_WAIT_POLICY": "PASSIVE",
        "AIRLOOP_ADMIN_TOKEN": "secret",
        "AIRLOOP_SIGNING_KEY": "/k",
        "AIRFLOW__CORE__FERNET_KEY": "secret",
        "PATH": "/bin",
        "PYTHONPATH": "/x",
    }
    told = surroundings.settings(*opened(**REMOTE), environ)
    assert {name for name in told if name in environ} == {
        "AWS_ACCESS_KEY_ID",
        "MLFLOW_TRACKING_TOKEN",
        "no_proxy",
        "HTTPS_PROXY",
        "OMP_WAIT_POLICY",
    }
    assert told["AIRLOOP_PIPELINES"] == "/airloop/pipelines"
    inside = Workspace.from_environment(told)
    assert (inside.store_url, inside.ledger_url, inside.mlflow_url) == tuple(REMOTE.values())
    assert inside.home == tmp_path / "home"


def test_the_connection_of_the_source_is_looked_up_here(opened, monkeypatch):
    made = opened("conn_id: warehouse, sql: all.sql")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgresql://u:p@h/d")
    assert surroundings.settings(*made, {})["AIRFLOW_CONN_WAREHOUSE"] == "postgresql://u:p@h/d"
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE")
    with pytest.raises(DataError, match="connection 'warehouse' is unknown"):
        surroundings.settings(*made, {})


def test_pods_need_no_claim_where_all_is_reached_by_url(opened):
    assert surroundings.shared(*opened('path: "s3://rows/{date}.csv"', **REMOTE)) is None


def test_pods_find_the_folder_that_the_claim_holds(opened, tmp_path):
    store = tmp_path / "shared"
    given = {**REMOTE, "AIRLOOP_STORE": str(store), "AIRLOOP_KUBERNETES_CLAIM": "shared"}
    assert surroundings.shared(*opened(f'path: "{store}/rows/{{date}}.csv"', **given)) == store


@pytest.mark.parametrize(
    ("source", "claim", "words"),
    [
        ('path: "s3://rows/{date}.csv"', "", r"AIRLOOP_STORE is the folder /srv/store.* no claim is named"),
        ('path: "/rows/{date}.csv"', "shared", r"data\.source\.path is the folder /rows.* the claim 'shared' holds"),
        ('path: "rows/{date}.csv"', "shared", r"AIRLOOP_HOME is the folder .*/home, which a pod cannot see"),
    ],
)
def test_a_folder_that_pods_cannot_see_is_refused(opened, source, claim, words):
    given = {**REMOTE, "AIRLOOP_STORE": "/srv/store", "AIRLOOP_KUBERNETES_CLAIM": claim}
    with pytest.raises(StepFailed, match=words):
        surroundings.shared(*opened(source, **given))
