"""What every process of the laptop's Airflow runs at its start (Airflow looks for a module of this name).

Airflow makes a backfill's runs one by one, each in a savepoint that first reads and then writes. On SQLite such a
savepoint begins a transaction that only reads, and one that has to write after somebody else wrote in between fails at
once with "database is locked", whatever the time-out. With a scheduler at work that is nearly every backfill: so a
savepoint takes the right to write first, and waits for it.
"""

from __future__ import annotations

import sqlalchemy as sa

__all__: list[str] = []  # Airflow takes every name that a module of this name exports as a setting of its own.


@sa.event.listens_for(sa.Engine, "savepoint")
def _write_from_the_start(connection: sa.Connection, _name: str | None) -> None:
    if connection.dialect.name != "sqlite":
        return
    raw = connection.connection.dbapi_connection
    if raw is not None and not getattr(raw, "in_transaction", True):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
