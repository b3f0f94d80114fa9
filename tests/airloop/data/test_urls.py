from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

from airloop.data.sources.urls import sqlalchemy_url
from airloop.errors import DataError

POSTGRES = "postgresql+" + ("psycopg" if find_spec("psycopg") and not find_spec("psycopg2") else "psycopg2")
"""With the driver that is installed here."""


def url(text):
    return sqlalchemy_url(text, "warehouse").render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ("sqlite://%2Ftmp%2Fa.db", "sqlite:////tmp/a.db"),
        ("postgres://me:p%40ss@db:5432/sales", f"{POSTGRES}://me:p%40ss@db:5432/sales"),
        ("postgresql://me@db/sales?sslmode=require", f"{POSTGRES}://me@db/sales?sslmode=require"),
        ("postgresql+psycopg://me@db/sales", "postgresql+psycopg://me@db/sales"),
        ("mysql://me@db/sales", "mysql+mysqldb://me@db/sales"),
        (
            "postgres://me@db/sales?__extra__=%7B%22sslmode%22%3A+%22require%22%2C+%22deep%22%3A+%7B%7D%7D",
            f"{POSTGRES}://me@db/sales?sslmode=require",
        ),
        ("snowflake://me@account/db", "snowflake://me@account/db"),
    ],
)
def test_airflow_urls_become_sqlalchemy_urls(given, expected):
    assert url(given) == expected


def test_airflow_json_becomes_a_url():
    fields = {
        "conn_type": "postgres",
        "login": "me",
        "password": "p@ss/word",
        "host": "db",
        "port": 5432,
        "schema": "sales",
        "extra": {"sslmode": "require", "keepalives": 1, "nested": {"no": 1}},
    }
    expected = f"{POSTGRES}://me:p%40ss%2Fword@db:5432/sales?keepalives=1&sslmode=require"
    assert url(json.dumps(fields)) == expected
    assert url(json.dumps({**fields, "extra": json.dumps(fields["extra"])})) == expected
    assert url('{"conn_type": "sqlite", "host": "/tmp/a.db"}') == "sqlite:////tmp/a.db"


@pytest.mark.parametrize("text", ["secret words", "postgres://me:secret@db:port/x"])
def test_what_is_no_url_is_refused_without_showing_it(text):
    with pytest.raises(DataError, match="connection 'warehouse' is no URL such as postgresql://") as caught:
        url(text)
    assert "secret" not in str(caught.value)


def test_broken_json_is_refused_without_showing_it():
    with pytest.raises(DataError, match="connection 'warehouse' is no JSON") as caught:
        url('{"password": "secret"')
    assert "secret" not in str(caught.value)
