"""Airflow's connections, for sources that read through one."""

from __future__ import annotations

from airloop.errors import DataError


def uri_of(conn_id: str) -> str:
    """Return the URI of an Airflow connection, in Airflow's form. Raises DataError where there is none."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return str(Connection.get(conn_id).get_uri())
    except AirflowNotFoundException:
        raise DataError(
            f"connection {conn_id!r} is unknown: add it in Airflow (Admin → Connections) "
            f"or set AIRFLOW_CONN_{conn_id.upper()}"
        ) from None
