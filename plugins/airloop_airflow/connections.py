"""Airflow's connections as the database URLs that SQLAlchemy reads."""

from __future__ import annotations

from airloop.errors import DataError

_DRIVERS = {"postgres": "postgresql", "mssql": "mssql+pymssql"}
"""Connection types that SQLAlchemy calls by another name."""


def url_of(conn_id: str) -> str:
    """Return the database URL of an Airflow connection. Raises DataError naming it where there is none."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException
    from sqlalchemy.engine import URL

    try:
        connection = Connection.get(conn_id)
    except AirflowNotFoundException:
        raise DataError(
            f"connection {conn_id!r} is unknown: add it in Airflow (Admin → Connections) "
            f"or set AIRFLOW_CONN_{conn_id.upper()}"
        ) from None
    kind = (connection.conn_type or "").lower()
    # A file database has a path and no server; Airflow keeps the path where others keep the host.
    is_file = kind in {"sqlite", "duckdb"}
    url = URL.create(
        _DRIVERS.get(kind, kind),
        username=connection.login,
        password=connection.password,
        host=None if is_file else connection.host,
        port=connection.port,
        database=_file_of(connection.host, connection.schema) if is_file else connection.schema,
    )
    return url.render_as_string(hide_password=False)


def _file_of(host: str | None, schema: str | None) -> str:
    """Return the path of a file database, whichever way the connection was written."""
    return host or f"/{schema or ''}"
