"""The connection to the ledger's database: settings that make it safe, and errors that say what to do."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from airloop.errors import LedgerError, Unreachable

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another one, unless the URL says ``?timeout=``."""

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
        dumps = functools.partial(json.dumps, allow_nan=False, ensure_ascii=False, sort_keys=True)
        engine = sa.create_engine(parsed, poolclass=sa.NullPool, json_serializer=dumps)
    except sa.exc.ArgumentError as error:
        raise LedgerError(f"AIRLOOP_LEDGER: {url!r} is no URL, for example sqlite:////srv/ledger.db") from error
    except ModuleNotFoundError as error:
        raise LedgerError(f"AIRLOOP_LEDGER: driver not installed: pip install {error.name}") from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    return engine


def sqlite_file(engine: sa.Engine) -> Path | None:
    """Return the database's file, None for Postgres."""
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection for a consistent look. Raises Unreachable or LedgerError."""
    with reporting(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection whose changes are committed together or not at all. Raises Unreachable or LedgerError."""
    with reporting(engine), engine.connect() as connection:
        connection = connection.execution_options(airloop_writes=True)
        with connection.begin():
            yield connection


def _prepare_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def connected(connection: object, _record: object) -> None:
        # The driver's own implicit BEGIN is off: a writer must take the lock first, or two that began by reading
        # could never both go on ("database is locked" at once, whatever the timeout).
        connection.isolation_level = None  # type: ignore[attr-defined]
        if "timeout" not in engine.url.query:
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")  # type: ignore[attr-defined]

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
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    found = next((sign for sign in _REMEDIES if sign in cause.lower()), None)
    remedy = _REMEDIES[found] if found else "check AIRLOOP_LEDGER and that the database runs, then retry"
    text = f"ledger {engine.url.render_as_string(hide_password=True)}: {cause}: {remedy}. The champion keeps serving."
    return LedgerError(text) if found in _FINAL else Unreachable(text)
