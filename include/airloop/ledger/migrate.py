"""Bring the ledger's tables up to date, once, whoever comes first.

Alembic is imported only when something is to be done: the version row is looked at first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from airloop.errors import LedgerError
from airloop.ledger import database
from airloop.ledger.tables import KNOWN_REVISIONS, REVISION

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x41_49_52_4C_4F_4F_50  # "AIRLOOP"


def bring_up_to_date(engine: sa.Engine) -> None:
    """Create or migrate the tables; several processes may call it at once.

    Raises LedgerError when a newer Airloop has migrated the database, Unreachable when it does not answer.
    """
    file = database.sqlite_file(engine)
    if file is not None and not file.parent.exists():
        with database.reporting(engine):
            file.parent.mkdir(parents=True, exist_ok=True)
    with database.reading(engine) as connection:
        if version_of(connection) == REVISION:
            return
    with _only_me(engine, file), database.writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        if version_of(connection) != REVISION:
            _upgrade(connection)


def version_of(connection: sa.Connection) -> str | None:
    """Return the version of the tables, None where there are none. Raises LedgerError for one of a newer Airloop."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if found is not None and found not in KNOWN_REVISIONS:
        raise LedgerError(
            f"ledger {connection.engine.url.render_as_string(hide_password=True)}: its tables are of version {found}, "
            f"this Airloop knows up to {REVISION}. A newer Airloop has migrated it: upgrade this one. "
            "The champion keeps serving."
        )
    return None if found is None else str(found)


@contextmanager
def _only_me(engine: sa.Engine, file: Path | None) -> Iterator[None]:
    if file is None:
        yield
        return
    # Switching a fresh file to WAL does not honour busy_timeout, so two starting processes need a lock outside it.
    import fcntl

    with database.reporting(engine), file.with_name(f"{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None  # noqa: S101
            raw.execute("PRAGMA journal_mode=WAL")
        yield


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, REVISION)
