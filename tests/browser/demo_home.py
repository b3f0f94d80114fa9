"""The home that a finished demo left, to serve from again: a copy of one that is there, or one that is made."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from airloop.laptop import ports

PROJECT = Path(__file__).resolve().parents[2]
VARIABLE = "AIRLOOP_DEMO_HOME"
"""Names the home of a finished demo; it is copied and stays as it is."""
LEFT_BEHIND = ("run", "locks", "*.lock", "airflow.cfg", "airflow.pid")
"""What belongs to the processes that ran there."""


def finished(home: Path) -> Path:
    """Put the home of a finished demo at ``home`` and return that."""
    if given := os.environ.get(VARIABLE):
        copy(Path(given).absolute(), home)
    else:
        run_demo(home)
    return home


def run_demo(home: Path) -> None:
    """Run the demo, which takes minutes; it stops what it started."""
    ports_of_its_own = {name: str(ports.any_free()) for name in ("AIRLOOP_AIRFLOW_PORT", "AIRLOOP_SERVER_PORT")}
    _run(home, "airloop", "demo", **ports_of_its_own)


def land_examples(home: Path) -> None:
    """Land the rows of the examples that the demo leaves out."""
    for name in ("breast_cancer", "handwritten_digits"):
        _run(home, f"pipelines.{name}.land")


def _run(home: Path, module: str, *words: str, **more: str) -> None:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")},
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "include"), str(PROJECT / "plugins")]),
        "AIRLOOP_HOME": str(home),
        **more,
    }
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]


def copy(source: Path, home: Path) -> None:
    """Copy a home; what its databases say of its files leads to the copy afterwards. The store stays as it is."""
    assert (source / "ledger.db").is_file(), f"{VARIABLE}={source}: no demo has run there (make demo)"
    shutil.copytree(source, home, ignore=shutil.ignore_patterns(*LEFT_BEHIND), dirs_exist_ok=True)
    for database in (home / "ledger.db", home / "mlflow.db", home / "airflow" / "airflow.db"):
        _readdress(database, f"{source}/", f"{home}/")


def _readdress(database: Path, old: str, new: str) -> None:
    """Write ``new`` for ``old`` in every text of an SQLite database; its triggers rest meanwhile."""
    with closing(sqlite3.connect(database)) as connection, connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                connection.execute(
                    f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)'  # noqa: S608
                    f' WHERE typeof("{column}") = \'text\' AND instr("{column}", ?)',
                    (old, new, old),
                )
        for _, definition in triggers:
            connection.execute(definition)
