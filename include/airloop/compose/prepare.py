"""What runs once before the services, in a container: tables made or migrated, and the gateway's settings."""

from __future__ import annotations

import subprocess
import sys

from airloop.errors import AirloopError


def prepare() -> None:
    """Bring Airflow's database and the ledger up to date; repeating it changes nothing. Raises AirloopError."""
    airflow = subprocess.Popen([sys.executable, "-m", "airflow", "db", "migrate"])
    try:
        _ledger_and_gateway()
    finally:
        code = airflow.wait()
    if code:
        raise AirloopError(f"`airflow db migrate` ended with code {code}; its words are above")


def _ledger_and_gateway() -> None:
    from airloop import engine
    from airloop.gateway import Gateway
    from airloop.workspace import Workspace

    workspace = Workspace.from_environment()
    workspace.ledger.entries("-", limit=1)
    with engine.connected() as client:
        Gateway(workspace, client).prepare()
