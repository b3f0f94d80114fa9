from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from airloop import clock
from airloop.data import take
from airloop.errors import DataError, Unreachable

AS_OF = datetime(2013, 1, 5, tzinfo=UTC)
SQL = "SELECT id, at, x, y, y_at FROM flights WHERE at >= :start AND at < :end"


@pytest.fixture
def warehouse(room):
    """The four days of ``room.days`` in an SQLite table, and a pipeline that asks for them."""
    room.days()
    _, snapshot = room.take()
    rows = room.rows(snapshot)
    with sqlite3.connect(room.folder / "warehouse.db") as database:
        database.execute("CREATE TABLE flights (id INTEGER, at TEXT, x REAL, y INTEGER, y_at TEXT)")
        clocks = [rows[name].dt.strftime("%Y-%m-%d %H:%M:%S.%f") for name in ("at", "y_at")]
        values = zip(rows["id"].tolist(), clocks[0], rows["x"].tolist(), rows["y"].tolist(), clocks[1], strict=True)
        database.executemany("INSERT INTO flights VALUES (?, ?, ?, ?, ?)", values)
    database.close()
    room.data |= {"source": {"conn_id": "warehouse", "sql": "flights.sql"}, "columns": {"y": "boolean"}}
    room.query = room.folder / "pipelines" / "demo" / "flights.sql"
    room.query.parent.mkdir(parents=True, exist_ok=True)
    room.query.write_text(SQL)
    room.url = f"sqlite:///{room.folder}/warehouse.db"
    room.execute = lambda statement: _execute(room.folder / "warehouse.db", statement)
    room.ask = lambda as_of="2013-01-05": take(
        replace(room.workspace, connection=lambda conn_id: room.url), room.pipeline, clock.parse(as_of)
    )
    return room


def _execute(path, statement):
    with sqlite3.connect(path) as database:
        database.execute(statement)
    database.close()


def test_a_query_gives_the_same_partitions_as_files(warehouse):
    _, asked = warehouse.ask()
    warehouse.data |= {"source": {"path": "rows/{date}.parquet"}}
    assert asked.partitions == warehouse.take()[1].partitions


def test_a_query_is_asked_again_and_finds_its_partitions(warehouse):
    first = warehouse.ask()
    assert warehouse.ask() == first
    warehouse.execute("UPDATE flights SET x = 7 WHERE id = 200")
    second = warehouse.ask()
    changed = [old.digest != new.digest for old, new in zip(first[1].partitions, second[1].partitions, strict=True)]
    assert changed == [False, True, False, False]


def test_as_of_is_bound(warehouse):
    warehouse.query.write_text(SQL + " AND y_at <= :as_of")
    _, snapshot = warehouse.ask("2013-01-04T07:10:00Z")
    assert snapshot.partitions[-1].rows == 1


def test_what_is_not_known_yet_changes_no_type(warehouse):
    name, _ = warehouse.ask("2013-01-04T06:10:00Z")
    warehouse.execute("UPDATE flights SET x = 'seven', y = 'what' WHERE at > '2013-01-04 07'")
    assert warehouse.ask("2013-01-04T06:10:00Z")[0] == name


def test_a_query_without_rows_is_a_missing_interval(warehouse):
    warehouse.execute("DELETE FROM flights WHERE id / 100 = 2")
    assert [clock.iso(start)[:10] for start in warehouse.ask()[1].missing] == ["2013-01-02"]


def test_a_query_that_ignores_its_interval_is_refused(warehouse):
    warehouse.query.write_text("SELECT * FROM flights")
    with pytest.raises(
        DataError, match=r"flights.sql, row 4: event time 2013-01-02T06:00:00Z is outside of \[2013-01-01"
    ):
        warehouse.ask()


def test_wrong_sql_is_told_with_its_file(warehouse):
    warehouse.query.write_text("SELECT nonsense FROM flights")
    with pytest.raises(DataError, match=r"flights.sql on connection 'warehouse': no such column: nonsense"):
        warehouse.ask()


def test_an_unknown_parameter_is_refused(warehouse):
    warehouse.query.write_text("SELECT * FROM flights WHERE at > :begin")
    with pytest.raises(DataError, match=r"flights.sql: unknown parameters \['begin'\]. Known: as_of, end, start."):
        warehouse.ask()


def test_two_columns_of_one_name_are_refused(warehouse):
    warehouse.query.write_text("SELECT id, at, y, y_at, x AS id FROM flights WHERE at >= :start AND at < :end")
    with pytest.raises(DataError, match=r"flights.sql: more than one column is called 'id'"):
        warehouse.ask()


def test_a_database_that_cannot_be_opened_is_unreachable(warehouse):
    warehouse.url = f"sqlite:///{warehouse.folder}/no/such/folder.db"
    with pytest.raises(
        Unreachable, match=r"connection 'warehouse': unable to open database file. Check that"
    ) as caught:
        warehouse.ask()
    assert caught.value.retryable


def test_a_locked_database_can_be_tried_again(warehouse):
    warehouse.url += "?timeout=0"
    with sqlite3.connect(warehouse.folder / "warehouse.db") as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unreachable, match="connection 'warehouse': database is locked"):
            warehouse.ask()
    writer.close()


def test_an_unknown_connection_says_where_to_set_it(warehouse, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE", raising=False)
    with pytest.raises(
        DataError, match="connection 'warehouse' is unknown: set AIRFLOW_CONN_WAREHOUSE or add it in Airflow"
    ):
        warehouse.take()


def test_a_missing_driver_and_an_unknown_dialect_are_told(warehouse):
    warehouse.url = "mssql://user:secret@db/name"
    with pytest.raises(DataError, match=r"mssql\+pyodbc needs the package 'pyodbc'; install it"):
        warehouse.ask()
    warehouse.url = "nosuch://user:secret@db/name"
    with pytest.raises(DataError, match="connection 'warehouse': no SQLAlchemy dialect for 'nosuch'") as caught:
        warehouse.ask()
    assert "secret" not in str(caught.value)
