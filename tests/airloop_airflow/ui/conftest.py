"""Airloop's pages as Airflow's web server has them, in this process: real metadata, real log-ins of every role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

WARNED = ("Using `httpx` with", "The HMAC key is", ".*jwt_secret.* was empty")
"""Airflow's web server warns in a test about its own choices."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let Airflow warn."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for text in WARNED:
                item.add_marker(pytest.mark.filterwarnings(f"ignore:{text}"))


ROLES = {"ann": "viewer", "bob": "user", "cy": "op", "dan": "admin"}
"""Users by name."""

KINDS = ("train", "monitor", "rollback")

TABLES = (
    "log",
    "hitl_detail",
    "task_instance",
    "dag_run",
    "dag_version",
    "dag",
    "dag_bundle_team",
    "dag_bundle",
    "team",
)
"""Those of Airflow that tests write to; what refers to others comes first."""

SPEC = """\
name: {name}
data:
  source: {{path: "data/{name}/*.parquet"}}
  partition: none
  label: {{column: late}}
model: {{task: binary}}
gates: [{{metric: roc_auc, min: 0.6}}]
owner: post
"""


@pytest.fixture(scope="session")
def metadata() -> None:
    """The tables of Airflow's metadata database."""
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.base import Base

    import_all_models()
    Base.metadata.create_all(settings.engine)


@pytest.fixture
def session(metadata: None) -> Iterator[Any]:
    """Airflow's metadata; what the test left there of ours is gone afterwards."""
    from airflow.models.base import Base
    from airflow.models.dag import clear_team_name_cache
    from airflow.utils.session import create_session

    with create_session() as session:
        yield session
    clear_team_name_cache()
    with create_session() as session:
        for table in TABLES:
            session.execute(Base.metadata.tables[table].delete())


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, session: Any) -> Callable[..., None]:
    """Write pipelines, each with its three DAGs as Airflow knows them."""
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRLOOP_PIPELINES", str(tmp_path / "pipelines"))
    (tmp_path / "pipelines").mkdir()

    def write_pipelines(*names: str, **columns: Any) -> None:
        for name in names:
            (tmp_path / "pipelines" / name).mkdir()
            (tmp_path / "pipelines" / name / "pipeline.yaml").write_text(SPEC.format(name=name))
            for kind in KINDS:
                add_dag(session, f"{name}.{kind}", **columns)
        session.commit()

    return write_pipelines


def add_dag(session: Any, dag_id: str, **columns: Any) -> None:
    """Write a DAG to Airflow's metadata."""
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel

    session.merge(DagBundleModel(name="dags-folder"))
    session.flush()
    columns = {"is_paused": False, "is_stale": False, "fileloc": "x.py", **columns}
    session.add(DagModel(dag_id=dag_id, bundle_name="dags-folder", **columns))


@pytest.fixture(scope="session")
def auth_manager() -> Iterator[Any]:
    """Airflow's own manager of users and roles, as the web server sets it up; it hides no DAG unless it is told to."""
    from airflow.api_fastapi import app
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    class Hiding(SimpleAuthManager):
        hidden: frozenset[str] = frozenset()

        def is_authorized_dag(self, *, details: Any = None, **asked: Any) -> bool:
            if details is not None and details.id in self.hidden:
                return False
            return super().is_authorized_dag(details=details, **asked)

    before, app._AuthManagerState.instance = app._AuthManagerState.instance, Hiding()
    yield app._AuthManagerState.instance
    app._AuthManagerState.instance = before


@pytest.fixture(scope="session")
def server(metadata: None, auth_manager: Any) -> Any:
    """A web server with Airloop's pages where Airflow puts them."""
    from airflow.api_fastapi.core_api.app import init_middlewares
    from fastapi import FastAPI

    from airloop_airflow.pages import app

    root = FastAPI()
    root.mount("/airloop", app)
    init_middlewares(root)
    return root


@pytest.fixture
def browser(server: Any, auth_manager: Any) -> Callable[..., Any]:
    """Give a client that is logged in as a user with a session's cookie, or as nobody."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    def log_in(name: str = "nobody", teams: list[str] | None = None) -> TestClient:
        client = TestClient(server, base_url="http://airflow/airloop/", raise_server_exceptions=False)
        if name != "nobody":
            user = SimpleAuthManagerUser(username=name, role=ROLES[name], teams=teams)
            client.cookies.set("_token", auth_manager.generate_jwt(user))
        return client

    return log_in


@pytest.fixture
def hide(auth_manager: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Hide DAGs from everybody."""
    return lambda *dag_ids: monkeypatch.setattr(auth_manager, "hidden", frozenset(dag_ids))


@pytest.fixture
def team_of_dags(session: Any) -> Callable[[str], None]:
    """Give all DAGs to a team."""
    from airflow.models.dag import clear_team_name_cache
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.team import Team

    def give(name: str) -> None:
        clear_team_name_cache()
        bundle = session.get(DagBundleModel, "dags-folder")
        bundle.teams.append(Team(name=name))
        session.commit()

    return give
