"""The ledger for those who only look: nothing is made, migrated or changed, and nobody waits long."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from airloop.errors import LedgerError, Unreachable
from airloop.ledger import Ledger, Onlooker, database, migrate
from airloop.ledger.tables import REVISION, entries


def older(url: str, revision: str) -> None:
    """Make the tables as an older Airloop made them."""
    engine = database.engine_for(url)
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    with database.writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_it_reads_what_others_write(ledger: Ledger) -> None:
    ledger.record("verdict", "flights", "a", {"outcome": "HOLD"})
    looks = Onlooker(ledger.url)
    assert [entry.subject for entry in looks.entries("flights")] == ["a"]
    ledger.record("verdict", "flights", "b", {})
    assert [entry.subject for entry in looks.entries("flights")] == ["b", "a"]


def test_a_file_that_is_not_there_reads_as_empty_and_is_not_made(tmp_path: Path) -> None:
    looks = Onlooker(f"sqlite:///{tmp_path}/home/ledger.db")
    assert looks.entries("flights") == []
    assert looks.live("flights", "local") is None
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_reads_as_empty_and_stays_so(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    assert Onlooker(f"sqlite:///{tmp_path}/ledger.db").entries("flights") == []
    assert (tmp_path / "ledger.db").read_bytes() == b""


def test_what_is_made_after_the_first_look_is_seen(tmp_path: Path) -> None:
    looks = Onlooker(f"sqlite:///{tmp_path}/ledger.db")
    assert looks.entries("flights") == []
    Ledger(looks.url).record("verdict", "flights", "a", {})
    assert [entry.subject for entry in looks.entries("flights")] == ["a"]


def test_older_tables_are_not_brought_up_to_date_but_waited_for(url: str) -> None:
    Path(sa.make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True)
    older(url, "0002")
    looks = Onlooker(url)
    with pytest.raises(Unreachable, match=rf"being brought up to date \(0002 → {REVISION}\) .*: retry"):
        looks.entries("flights")
    with pytest.raises(Unreachable):
        looks.entries("flights")
    Ledger(url).record("verdict", "flights", "a", {})
    assert len(looks.entries("flights")) == 1


def test_tables_of_a_newer_airloop_are_refused(ledger: Ledger) -> None:
    ledger.entries("flights")
    with database.writing(database.engine_for(ledger.url)) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match=r"of version 9999, .*upgrade this one"):
        Onlooker(ledger.url).entries("flights")


def test_while_another_process_migrates_one_is_told_so_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    older(url, "0002")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as fresh:
        fresh.execute("PRAGMA journal_mode=WAL")
    with database.writing(database.engine_for(url)) as migrating:
        migrating.execute(sa.text("CREATE INDEX newest_entries ON entries (pipeline, kind, as_of, id)"))
        started = time.monotonic()
        with pytest.raises(Unreachable, match=r"up to date \(0002"):
            Onlooker(url).entries("flights")
        assert time.monotonic() - started < 1


def test_a_locked_database_is_waited_for_a_moment_only(tmp_path: Path) -> None:
    Ledger(f"sqlite:///{tmp_path}/ledger.db").record("verdict", "flights", "a", {})
    # Without a write-ahead log, as an old file system may force it, a writer keeps readers out.
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN EXCLUSIVE")
    looks, started = Onlooker(f"sqlite:///{tmp_path}/ledger.db", wait_s=0.2), time.monotonic()
    with pytest.raises(Unreachable, match="database is locked"):
        looks.entries("flights")
    assert 0.1 < time.monotonic() - started < 2
    other.close()
    assert len(looks.entries("flights")) == 1


def test_writers_do_not_wait_for_a_look(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db?timeout=0.2")
    ledger.record("verdict", "flights", "a", {})
    with Onlooker(f"sqlite:///{tmp_path}/ledger.db").reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(entries)) == 1
        ledger.record("verdict", "flights", "b", {})
        assert connection.scalar(sa.select(sa.func.count()).select_from(entries)) == 1


@pytest.mark.parametrize("is_made", [False, True])
def test_nothing_is_changed_through_it(tmp_path: Path, is_made: bool) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    if is_made:
        Ledger(url).record("verdict", "flights", "a", {})
    with pytest.raises(Unreachable, match="readonly"):
        Onlooker(url).record("verdict", "flights", "b", {})
    assert len(Ledger(url).entries("flights")) == is_made


def test_many_threads_look_at_once(tmp_path: Path) -> None:
    Ledger(f"sqlite:///{tmp_path}/ledger.db").record("verdict", "flights", "a", {})
    looks, seen = Onlooker(f"sqlite:///{tmp_path}/ledger.db"), []
    crew = [threading.Thread(target=lambda: seen.append(len(looks.entries("flights")))) for _ in range(8)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    assert seen == [1] * 8
