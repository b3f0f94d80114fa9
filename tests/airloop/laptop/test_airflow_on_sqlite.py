from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from airloop.laptop.settings import ON_SQLITE

CODE = """
    import sys
    import sqlalchemy as sa

    {imported}
    engine = sa.create_engine("sqlite:///" + sys.argv[1] + "?timeout=0.2")
    with engine.connect() as mine, engine.connect() as other:
        other.exec_driver_sql("PRAGMA journal_mode=WAL")
        other.exec_driver_sql("CREATE TABLE runs (id INTEGER PRIMARY KEY)")
        other.commit()
        with mine.begin(), mine.begin_nested():
            mine.exec_driver_sql("SELECT * FROM runs").all()
            try:
                other.exec_driver_sql("INSERT INTO runs DEFAULT VALUES")
                other.commit()
            except sa.exc.OperationalError:
                print("the other one waits")
                other.rollback()
            mine.exec_driver_sql("INSERT INTO runs DEFAULT VALUES")
        print("written", mine.exec_driver_sql("SELECT count(*) FROM runs").scalar())
"""


@pytest.fixture
def write_in_a_savepoint(tmp_path):
    """Read and then write in a savepoint while another connection writes, as Airflow's backfill does."""

    def run(imported):
        code = textwrap.dedent(CODE).format(imported=imported)
        command = [sys.executable, "-c", code, str(tmp_path / "airflow.db")]
        return subprocess.run(command, cwd=ON_SQLITE, capture_output=True, text=True, timeout=60)

    return run


def test_a_savepoint_that_reads_first_may_still_write(write_in_a_savepoint):
    done = write_in_a_savepoint("import airflow_local_settings")
    assert done.stdout.split("\n")[:2] == ["the other one waits", "written 1"], done.stderr


def test_without_it_sqlite_refuses_at_once(write_in_a_savepoint):
    assert "database is locked" in write_in_a_savepoint("").stderr


def test_airflow_takes_no_name_of_it_for_a_setting(write_in_a_savepoint):
    done = write_in_a_savepoint("import airflow_local_settings as it; print(it.__all__)")
    assert done.stdout.startswith("[]"), done.stderr
