"""Wheels come by pip, with its settings, and only with the locked hashes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from airloop import digest
from airloop.errors import Unreachable
from airloop.images.lock import Pin
from airloop.images.wheelhouse import Package, key_of, wheelhouse


@pytest.fixture
def pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pin:
    """A package that pip finds in a folder, by pip's own settings."""
    index = tmp_path / "index"
    index.mkdir()
    wheel = index / "demo_pack-1.2-py3-none-any.whl"
    about = "demo_pack-1.2.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("demo_pack.py", "x = 1\n")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: demo-pack\nVersion: 1.2\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return Pin("demo-pack", "1.2", (digest.of_file(wheel),))


def test_a_wheel_is_downloaded_once_and_checked(tmp_path: Path, pin: Pin, monkeypatch: pytest.MonkeyPatch):
    house = wheelhouse(tmp_path / "cache", (pin,), "amd64")
    assert house.packages == (Package("demo-pack", "1.2", pin.hashes[0]),)
    assert [path.name for path in house.folder.iterdir()] == ["demo_pack-1.2-py3-none-any.whl"]
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    assert wheelhouse(tmp_path / "cache", (pin,), "amd64") == house
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [house.folder.name]


def test_an_altered_wheel_is_downloaded_again(tmp_path: Path, pin: Pin, caplog: pytest.LogCaptureFixture):
    house = wheelhouse(tmp_path / "cache", (pin,), "amd64")
    (wheel,) = house.folder.iterdir()
    whole = wheel.read_bytes()
    wheel.write_bytes(whole[:-1] + b"?")
    assert wheelhouse(tmp_path / "cache", (pin,), "amd64") == house
    assert wheel.read_bytes() == whole
    assert "the wheel of demo-pack is missing or altered" in caplog.text


def test_a_wheel_with_another_hash_is_refused_with_the_words_of_pip(tmp_path: Path, pin: Pin):
    other = Pin(pin.name, pin.version, ("0" * 64,))
    with pytest.raises(Unreachable, match=rf"(?s)pip cannot download.*DO NOT MATCH THE HASHES.*Got +{pin.hashes[0]}"):
        wheelhouse(tmp_path / "cache", (other,), "amd64")
    assert not list((tmp_path / "cache").iterdir())


def test_a_package_that_pip_does_not_find_is_named(tmp_path: Path, pin: Pin):
    with pytest.raises(Unreachable, match=r"No matching distribution found for demo-pack==3"):
        wheelhouse(tmp_path / "cache", (Pin("demo-pack", "3", pin.hashes),), "amd64")


def test_wheels_of_another_architecture_lie_elsewhere(pin: Pin):
    assert key_of((pin,), "amd64") != key_of((pin,), "arm64")
