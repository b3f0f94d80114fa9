"""A ledger in a fresh SQLite file, and in a fresh Postgres database where there is a server and a driver.

Where one is missing the tests on Postgres are skipped; in CI there must be both, so they fail there.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import sqlalchemy as sa

from airloop.ledger import Ledger


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a Postgres server that lives as long as the tests, without the database's name."""
    binaries = [Path("/usr/lib/postgresql") / version / "bin" for version in ("18", "17", "16", "15", "14")]
    binary = next((folder for folder in binaries if (folder / "initdb").exists()), None)
    if importlib.util.find_spec("psycopg") is None:
        _missing("no Postgres driver: make setup")
    if binary is None:
        _missing("no Postgres server below /usr/lib/postgresql: apt-get install postgresql")
    yield from _running(binary)


def _missing(what: str) -> NoReturn:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


def _running(binary: Path) -> Iterator[str]:
    folder = Path("/tmp") / f"airloop-pg-{secrets.token_hex(4)}"  # noqa: S108 - a socket's path must be short
    folder.mkdir(mode=0o777)
    # Postgres refuses to run as root, as tests in a container do.
    as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
    if as_user:
        os.chown(folder, 65534, 65534)
    data, quiet = folder / "data", {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    subprocess.run([*as_user, binary / "initdb", "-D", data, "-U", "airloop", "-A", "trust", "-N"], **quiet)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    start = [*as_user, binary / "pg_ctl", "-D", data, "-o", options, "-w", "-l", folder / "log", "start"]
    subprocess.run(start, **quiet)
    try:
        yield f"postgresql+psycopg://airloop@/{{name}}?host={folder}"
    finally:
        subprocess.run([*as_user, binary / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database that nobody has used."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/down/ledger.db"
    server: str = request.getfixturevalue("postgres")
    name = f"t{secrets.token_hex(6)}"
    engine = sa.create_engine(server.format(name="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return server.format(name=name)


@pytest.fixture
def ledger(url: str) -> Ledger:
    """An empty ledger."""
    return Ledger(url)
