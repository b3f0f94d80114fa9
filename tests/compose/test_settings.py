import stat
from pathlib import Path

import pytest

from airloop.compose import settings


def test_settings_are_made_once_and_private(tmp_path: Path):
    file = tmp_path / ".env"

    assert set(settings.SECRETS) <= set(settings.make(file))
    first = file.read_text()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert settings.make(file) == []
    assert file.read_text() == first


def test_two_stacks_share_no_secret(tmp_path: Path):
    settings.make(tmp_path / "one")
    settings.make(tmp_path / "two")

    one, two = settings.read(tmp_path / "one"), settings.read(tmp_path / "two")

    assert [name for name in settings.SECRETS if one[name] == two[name]] == []
    assert len({one[name] for name in settings.SECRETS}) == len(settings.SECRETS)


def test_a_new_version_adds_what_an_old_file_lacks_and_keeps_the_rest(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text("# mine\nAIRLOOP_PREFIX=mine\nPOSTGRES_PASSWORD=kept\n")

    new = settings.make(file, prefix="ignored")

    assert "POSTGRES_PASSWORD" not in new and "REDIS_PASSWORD" in new
    assert file.read_text().startswith("# mine\nAIRLOOP_PREFIX=mine\nPOSTGRES_PASSWORD=kept\n")
    assert settings.read(file)["COMPOSE_PROJECT_NAME"] == "mine"


def test_secrets_need_no_quotes_anywhere(tmp_path: Path):
    settings.make(tmp_path / ".env")

    for name in settings.SECRETS:
        value = settings.read(tmp_path / ".env")[name]
        assert value.replace("-", "").replace("_", "").rstrip("=").isalnum(), name


def test_a_line_that_is_no_setting_is_named_without_its_value(tmp_path: Path):
    (tmp_path / ".env").write_text("A=1\nmy password=secret\n")

    with pytest.raises(settings.SettingsWrong, match=r"\.env:2: 'my password' is no NAME=value$"):
        settings.read(tmp_path / ".env")
