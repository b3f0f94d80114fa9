"""The connection to the ledger's database: settings that make it safe, and errors that say what to do."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from airloop.errors import LedgerError, Unreachable
from airloop.ledger.tables import metadata

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another one, unless the URL says ``?timeout=``."""
LOOK_TIMEOUT_S = 3.0
"""How long those who only look wait: for a connection, and for a lock."""

_REMEDIES = {
    "locked": "another process has held it for too long; retry, or end that process",
    "full": "the disk is full; free some space and retry",
    "disk i/o": "the disk gives errors; check it and its free space, then retry",
    "readonly": "it cannot be written; check the permissions of the file and its folder",
    "read-only": "it cannot be written; check the permissions of the file and its folder",
    "unable to open": "it cannot be opened; check that the path is a file you may read and write",
    "not a database": "it is not an SQLite file; restore it from a backup or set AIRLOOP_LEDGER to another file",
    "malformed": "the file is damaged; restore it from a backup or set AIRLOOP_LEDGER to another file",
    "append-only": "entries and champions only grow; add a new one instead",
}
_FINAL = ("not a database", "malformed", "append-only")


def engine_for(url: str) -> sa.Engine:
    """Return an engine that keeps no connection open, so that a forked process shares none.

    Raises LedgerError for a URL that is not SQLite or Postgres, and where the driver is not installed.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise LedgerError(f"AIRLOOP_LEDGER: {parsed.get_backend_name()!r} is unknown. Known: postgresql, sqlite.")
        if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise LedgerError(f"AIRLOOP_LEDGER: {url!r} names no file, for example sqlite:////srv/ledger.db")
        dumps = partial(json.dumps, allow_nan=False, ensure_ascii=False, sort_keys=True)
        engine = sa.create_engine(parsed, poolclass=sa.NullPool, json_serializer=dumps)
    except sa.exc.ArgumentError as error:
        raise LedgerError(f"AIRLOOP_LEDGER: {url!r} is no URL, for example sqlite:////srv/ledger.db") from error
    except ModuleNotFoundError as error:
        raise LedgerError(f"AIRLOOP_LEDGER: driver not installed: pip install {error.name}") from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, None if "timeout" in parsed.query else BUSY_TIMEOUT_S)
    return engine


def onlooking(plain: sa.Engine, wait_s: float) -> sa.Engine:
    """Return an engine for the same database that makes no file, writes nothing and waits ``wait_s`` at most."""
    if plain.dialect.name == "sqlite":
        opened = partial(_opened, plain.url, wait_s)
        return _only_reading(sa.create_engine(plain.url, poolclass=sa.NullPool, creator=opened), wait_s)
    limits = f"-c lock_timeout={wait_s * 1000:.0f} -c default_transaction_read_only=on"
    options = f"{plain.url.query.get('options', '')} {limits}".strip()
    patience = {"connect_timeout": max(round(wait_s), 2), "options": options}
    return sa.create_engine(plain.url, poolclass=sa.NullPool, connect_args=patience)


def empty_engine() -> sa.Engine:
    """Return an engine whose every connection finds the tables with nothing in them, and cannot fill them."""
    engine = sa.create_engine("sqlite://", poolclass=sa.NullPool)

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        for table in metadata.sorted_tables:
            connection.execute(str(sa.schema.CreateTable(table).compile(engine)))

    return _only_reading(engine, LOOK_TIMEOUT_S)


def _opened(url: sa.URL, wait_s: float) -> sqlite3.Connection:
    """Open the file of ``url`` without making it."""
    file = quote(str(Path(url.database or "").absolute()))
    return sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=wait_s, check_same_thread=False)


def _only_reading(engine: sa.Engine, wait_s: float) -> sa.Engine:
    _prepare_sqlite(engine, wait_s)

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    return engine


def sqlite_file(engine: sa.Engine) -> Path | None:
    """Return the database's file, None for Postgres."""
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection for a consistent look. Raises Unreachable or LedgerError.

    In Postgres each question of a transaction would see another moment; only writers want that: one who has waited for
    the pipeline's turn must see what the one before did.
    """
    with reporting(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection whose changes are committed together or not at all. Raises Unreachable or LedgerError."""
    with reporting(engine), engine.connect() as connection:
        connection = connection.execution_options(airloop_writes=True)
        with connection.begin():
            yield connection


def _prepare_sqlite(engine: sa.Engine, wait_s: float | None) -> None:
    @sa.event.listens_for(engine, "connect")
    def connected(connection: object, _record: object) -> None:
        # The driver's own implicit BEGIN is off: a writer must take the lock first, or two that began by reading
        # could never both go on ("database is locked" at once, whatever the timeout).
        connection.isolation_level = None  # type: ignore[attr-defined]
        if wait_s is not None:
            connection.execute(f"PRAGMA busy_timeout={round(wait_s * 1000)}")  # type: ignore[attr-defined]

    @sa.event.listens_for(engine, "begin")
    def began(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("airloop_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reporting(engine: sa.Engine) -> Iterator[None]:
    """Turn what the database or its folder answers into Unreachable or LedgerError; IntegrityError passes."""
    try:
        yield
    except sa.exc.IntegrityError as error:
        if "append-only" not in str(error.orig):
            raise
        raise _explained(engine, error) from error
    except (sa.exc.DBAPIError, OSError) as error:
        raise _explained(engine, error) from error


def _explained(engine: sa.Engine, error: Exception) -> LedgerError | Unreachable:
    first = getattr(error, "orig", None) or error
    cause = next(iter(str(first).strip().splitlines()), type(first).__name__)
    found = next((sign for sign in _REMEDIES if sign in cause.lower()), None)
    remedy = _REMEDIES[found] if found else "check AIRLOOP_LEDGER and that the database runs, then retry"
    text = f"ledger {engine.url.render_as_string(hide_password=True)}: {cause}: {remedy}. The champion keeps serving."
    return LedgerError(text) if found in _FINAL else Unreachable(text)
