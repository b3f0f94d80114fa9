"""The ledger's database: made and migrated by whoever comes first, and errors that say what to do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from airloop.errors import LedgerError, Unreachable
from airloop.ledger import Ledger, database, migrate
from airloop.ledger.tables import KNOWN_REVISIONS, REVISION, entries, metadata


def test_the_newest_migration_is_the_one_the_code_expects() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [REVISION]
    assert sorted(script.revision for script in scripts.walk_revisions()) == sorted(KNOWN_REVISIONS)


def test_the_migrations_make_the_tables_that_the_code_uses(ledger: Ledger) -> None:
    ledger.entries("flights")
    with database.reading(database.engine_for(ledger.url)) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.slow
@pytest.mark.parametrize("processes", [4])
def test_processes_that_start_at_once_share_one_fresh_ledger(url: str, processes: int) -> None:
    record = (
        "import sys; from airloop.ledger import Ledger; sys.stdin.read(1); "
        f"Ledger({url!r}).record('started', 'flights', sys.argv[1], {{}})"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen([sys.executable, "-c", record, str(n)], env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for n in range(processes)
    ]
    errors = []
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
    for process in started:
        errors.append(process.communicate()[1].decode())
    assert errors == [""] * processes
    assert len(Ledger(url).entries("flights")) == processes


def test_alembic_is_not_imported_when_there_is_nothing_to_migrate(url: str) -> None:
    Ledger(url).entries("flights")
    look = (
        f"import sys; from airloop.ledger import Ledger; Ledger({url!r}).entries('f'); print('alembic' in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", look], env=env, capture_output=True, check=True).stdout == b"False\n"


def test_a_ledger_of_a_newer_airloop_is_refused(ledger: Ledger) -> None:
    ledger.entries("flights")
    with database.writing(database.engine_for(ledger.url)) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match=f"of version 9999, this Airloop knows up to {REVISION}.*upgrade this one"):
        Ledger(ledger.url).live("flights", "local")


def test_a_locked_ledger_says_so(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db?timeout=0.05")
    ledger.record("verdict", "flights", "a", {})
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert len(ledger.entries("flights")) == 1
    with pytest.raises(Unreachable, match=r"database is locked: another process has held it for too long; retry"):
        ledger.record("verdict", "flights", "b", {})
    other.close()
    ledger.record("verdict", "flights", "b", {})


def test_a_full_disk_says_so_and_loses_nothing(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.record("verdict", "flights", "a", {})

    @sa.event.listens_for(ledger._engine, "connect")
    def no_room(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    with pytest.raises(Unreachable, match="database or disk is full: the disk is full; free some space and retry"):
        ledger.record("verdict", "flights", "b", {"much": "x" * 100_000})
    assert [entry.subject for entry in ledger.entries("flights")] == ["a"]


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("sqlite:////proc/nowhere/ledger.db", Unreachable, "check AIRLOOP_LEDGER"),
        ("mysql://host/ledger", LedgerError, "AIRLOOP_LEDGER: 'mysql' is unknown. Known: postgresql, sqlite."),
        ("sqlite://", LedgerError, "AIRLOOP_LEDGER: 'sqlite://' names no file"),
        ("not a url", LedgerError, "AIRLOOP_LEDGER: 'not a url' is no URL"),
        ("postgresql+pg8000://a@b/c", LedgerError, "AIRLOOP_LEDGER: driver not installed: pip install pg8000"),
    ],
)
def test_a_wrong_url_says_what_is_wrong(url: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        Ledger(url).entries("flights")


def test_a_file_that_is_no_database_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("precious" * 1000)
    with pytest.raises(LedgerError, match="not a database: it is not an SQLite file; restore it from a backup"):
        Ledger(f"sqlite:///{tmp_path}/ledger.db").entries("flights")
    assert (tmp_path / "ledger.db").read_text() == "precious" * 1000


def test_a_postgres_that_is_down_is_unreachable_without_its_password_in_the_message() -> None:
    pytest.importorskip("psycopg", reason="no Postgres driver")
    with pytest.raises(Unreachable, match=r"check AIRLOOP_LEDGER and that the database runs") as down:
        Ledger("postgresql+psycopg://airloop:secret@127.0.0.1:1/ledger").entries("flights")
    assert "secret" not in str(down.value)


def test_an_error_without_words_is_told_by_its_name() -> None:
    engine = database.engine_for("sqlite:////srv/ledger.db")
    with (
        pytest.raises(Unreachable, match=r"srv/ledger\.db: TimeoutError: check AIRLOOP_LEDGER"),
        database.reporting(engine),
    ):
        raise TimeoutError


def test_one_look_sees_one_moment(ledger: Ledger) -> None:
    ledger.record("verdict", "flights", "before", {})
    subjects = sa.select(entries.c.subject)
    with ledger.reading() as connection:
        assert connection.scalars(subjects).all() == ["before"]
        Ledger(ledger.url).record("verdict", "flights", "meanwhile", {})
        assert connection.scalars(subjects).all() == ["before"]
    assert len(ledger.entries("flights")) == 2


def test_instants_come_back_in_utc_whatever_their_zone(ledger: Ledger) -> None:
    noon = datetime(2013, 3, 18, 12, tzinfo=UTC)
    for number, instant in enumerate((noon, noon.replace(tzinfo=None), noon.astimezone(timezone(timedelta(hours=-5))))):
        ledger.record("verdict", "flights", f"{number}", {}, as_of=instant)
    assert [entry.as_of for entry in ledger.entries("flights")] == [noon] * 3
