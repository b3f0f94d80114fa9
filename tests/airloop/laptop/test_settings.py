from __future__ import annotations

import json
import stat

import pytest

from airloop.laptop import secret_files, settings


@pytest.fixture
def environ(tmp_path):
    return {"AIRLOOP_HOME": str(tmp_path), "PATH": "/usr/bin"}


def mode(file):
    return stat.S_IMODE(file.stat().st_mode)


def test_secrets_are_made_once_and_only_their_owner_reads_them(environ, tmp_path):
    first, second = settings.prepare(environ), settings.prepare(environ)
    assert first.password == second.password and len(first.password) >= 16
    keys = json.loads((tmp_path / "secrets" / "airflow_keys.json").read_text())
    assert len(set(keys.values())) == 3
    assert first.environment["AIRFLOW__API_AUTH__JWT_SECRET"] == keys["jwt_secret"]
    assert mode(tmp_path / "secrets") == 0o700
    files = list((tmp_path / "secrets").iterdir())
    assert len(files) == 2 and {mode(file) for file in files} == {0o600}


def test_a_password_from_the_environment_wins(environ):
    assert settings.prepare(environ | {"AIRLOOP_AIRFLOW_PASSWORD": "chosen"}).password == "chosen"


def test_more_users_get_passwords_of_their_own(environ, tmp_path):
    settings.prepare(environ | {"AIRLOOP_AIRFLOW_USERS": "ann:admin,bob:viewer"})
    passwords = json.loads((tmp_path / "secrets" / "airflow_passwords.json").read_text())
    assert set(passwords) == {"ann", "bob"} and passwords["ann"] != passwords["bob"]


def test_another_airflows_settings_do_not_reach_this_one(environ):
    shell = {
        "AIRFLOW_HOME": "/srv/airflow",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://production/airflow",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW_CONN_WAREHOUSE": "sqlite:///shop.db",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_PROXY": "intranet",
    }
    told = settings.prepare(environ | shell).environment
    assert "production" not in told["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert told["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert told["AIRFLOW_CONN_WAREHOUSE"] == "sqlite:///shop.db"
    assert "PYTHONDONTWRITEBYTECODE" not in told
    assert told["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_everything_lives_below_the_home_and_listens_on_this_machine_only(environ, tmp_path):
    told = settings.prepare(environ).environment
    for name in ("AIRFLOW_HOME", "AIRLOOP_STORE", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"):
        assert told[name].startswith(str(tmp_path)), name
    assert told["AIRFLOW__API__HOST"] == "127.0.0.1"


def test_a_secret_is_never_readable_by_others_not_even_while_it_is_written(tmp_path):
    file = tmp_path / "token"
    secret_files.write_private(file, "first")
    secret_files.write_private(file, "second")
    assert file.read_text() == "second" and mode(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]
