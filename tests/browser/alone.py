"""Airloop's pages as Airflow's web server has them, without the rest of Airflow: for odd ledgers and many pipelines.

``python -m tests.browser.alone PORT`` serves them, with the metadata, middleware and log-ins that Airflow has.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from airloop.laptop import ports

PROJECT = Path(__file__).resolve().parents[2]
SECRET = "kept-by-nobody-and-long-enough-for-a-signature-of-512-bits-which-is-why-it-goes-on"


@dataclass(frozen=True)
class Alone:
    """Where the pages answer, and the cookie of a user who may do everything, and where the ledger is."""

    url: str
    token: str
    ledger: Path


@contextmanager
def serving(folder: Path, pipelines: Path, ledger: Path, server: str = "") -> Iterator[Alone]:
    """Give the pages of ``pipelines`` and a ``ledger``'s file, with all else below ``folder``.

    ``server`` is the model server; without one, nobody answers where it should be.
    """
    port = ports.any_free()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "AIRLOOP_"))},
        "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "include"), str(PROJECT / "plugins")]),
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__API_AUTH__JWT_SECRET": SECRET,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRLOOP_HOME": str(folder),
        "AIRLOOP_PIPELINES": str(pipelines),
        "AIRLOOP_LEDGER": f"sqlite:///{ledger}",
        "AIRLOOP_SERVER": server or f"http://127.0.0.1:{ports.any_free()}",
    }
    token, log = folder / "token", folder / "alone.log"
    folder.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        command = [sys.executable, "-m", "tests.browser.alone", str(port), str(token)]
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out, cwd=PROJECT)
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url, process, log)
        yield Alone(url, token.read_text(encoding="utf-8"), ledger)
    finally:
        process.terminate()
        process.wait(30)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            httpx.get(f"{url}/airloop/api/me", trust_env=False, timeout=5)
            return
        except httpx.TransportError:
            ended = process.poll() is not None
            assert not ended and time.monotonic() < deadline, log.read_text(encoding="utf-8")[-4000:]
            time.sleep(0.2)


def main(port: int, token: Path) -> None:
    """Make Airflow's tables, tell it the DAGs of all pipelines, and serve until stopped."""
    import uvicorn

    _tell_dags()
    server = _web_server(token)
    uvicorn.run(server, host="127.0.0.1", port=port, log_level="warning")


def _tell_dags() -> None:
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    from airloop.spec.load import names
    from airloop.workspace import Workspace

    import_all_models()
    Base.metadata.create_all(settings.engine)
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.flush()
        for name in names(Workspace.from_environment().pipelines):
            for part in ("train", "monitor", "rollback"):
                session.merge(
                    DagModel(dag_id=f"{name}.{part}", bundle_name="dags-folder", fileloc="x.py", is_paused=False)
                )


def _web_server(token: Path) -> Any:
    from airflow.api_fastapi import app as airflow_app
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.app import init_middlewares
    from fastapi import FastAPI

    from airloop_airflow.pages import app

    airflow_app._AuthManagerState.instance = SimpleAuthManager()
    user = SimpleAuthManagerUser(username="ada", role="admin")
    token.write_text(airflow_app._AuthManagerState.instance.generate_jwt(user), encoding="utf-8")
    root = FastAPI()
    root.get("/favicon.ico")(lambda: None)
    root.mount("/airloop", app)
    init_middlewares(root)
    return root


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
