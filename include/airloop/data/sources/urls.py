"""Connection URLs: from Airflow's forms to SQLAlchemy's."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from airloop.errors import DataError

if TYPE_CHECKING:
    from sqlalchemy import URL

_DIALECTS = {
    "postgres": ("postgresql", ("psycopg2", "psycopg")),
    "postgresql": ("postgresql", ("psycopg2", "psycopg")),
    "mysql": ("mysql", ("MySQLdb", "pymysql")),
    "mssql": ("mssql", ("pyodbc", "pymssql")),
    "oracle": ("oracle", ("oracledb", "cx_Oracle")),
}
"""Connection type → SQLAlchemy dialect and the drivers' modules, the preferred one first."""


def sqlalchemy_url(text: str, conn_id: str) -> URL:
    """Return the URL for SQLAlchemy. ``text`` is such a URL, an Airflow connection URI, or Airflow's JSON form.

    Raises DataError, without the password, when ``text`` is none of them.
    """
    from sqlalchemy import URL, exc, make_url

    if text.lstrip().startswith("{"):
        return _of_fields(_json(text, conn_id))
    parts = urlsplit(text)
    if parts.scheme == "sqlite" and parts.netloc:  # Airflow writes SQLite's path as the host.
        return URL.create("sqlite", database=unquote(parts.netloc) + unquote(parts.path).rstrip("/"))
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError):
        raise DataError(f"connection {conn_id!r} is no URL such as postgresql://user:password@host:5432/name") from None
    query = {name: value for name, value in url.query.items() if name != "__extra__"}
    extra = dict(parse_qsl(parts.query)).get("__extra__")
    return url.set(drivername=_driver(url.drivername), query={**query, **_scalars(extra)})


def _json(text: str, conn_id: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except ValueError:
        raise DataError(f"connection {conn_id!r} is no JSON such as Airflow writes for a connection") from None


def _of_fields(fields: dict[str, Any]) -> URL:
    from sqlalchemy import URL

    kind = str(fields.get("conn_type", ""))
    if kind == "sqlite":
        return URL.create("sqlite", database=fields.get("host") or fields.get("schema"))
    return URL.create(
        _driver(kind),
        username=fields.get("login"),
        password=fields.get("password"),
        host=fields.get("host"),
        port=int(fields["port"]) if fields.get("port") else None,
        database=fields.get("schema"),
        query=_scalars(fields.get("extra")),
    )


def _driver(scheme: str) -> str:
    if scheme not in _DIALECTS:
        return scheme
    dialect, modules = _DIALECTS[scheme]
    present = next((module for module in modules if find_spec(module)), modules[0])
    return f"{dialect}+{present.lower()}"


def _scalars(extra: Any) -> dict[str, str]:
    """Return the texts and numbers of a connection's extras, such as ``sslmode``."""
    fields = json.loads(extra) if isinstance(extra, str) and extra else extra or {}
    return {name: str(value) for name, value in fields.items() if isinstance(value, str | int) and value != ""}
