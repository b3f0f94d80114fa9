"""Wheels come by pip, with its settings, and only with the locked hashes."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from airloop import digest
from airloop.errors import ImageError, Unreachable
from airloop.images.lock import Pin
from airloop.images.wheelhouse import Package, key_of, wheelhouse

from .package_index import PackageIndex, package_index

CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Settings of whoever runs the tests; the last two win over the first."""


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


@pytest.fixture
def index(pin: Pin, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """An index that pip asks at once and once, instead of the folder."""
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
    alone = {"PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    for name, value in {"PIP_RETRIES": "0", **alone}.items():
        monkeypatch.setenv(name, value)
    with package_index() as given:
        yield given


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
    with pytest.raises(ImageError, match=rf"(?s)pip cannot download.*DO NOT MATCH THE HASHES.*Got +{pin.hashes[0]}"):
        wheelhouse(tmp_path / "cache", (other,), "amd64")
    assert not list((tmp_path / "cache").iterdir())


def test_a_package_that_pip_does_not_find_is_named(tmp_path: Path, pin: Pin):
    with pytest.raises(ImageError, match=r"No matching distribution found for demo-pack==3"):
        wheelhouse(tmp_path / "cache", (Pin("demo-pack", "3", pin.hashes),), "amd64")


@pytest.mark.parametrize(
    ("status", "kind"), [(404, ImageError), (500, Unreachable), (503, Unreachable), (None, Unreachable)]
)
def test_only_an_index_that_answers_says_what_is_not_there(
    tmp_path: Path,
    pin: Pin,
    monkeypatch: pytest.MonkeyPatch,
    index: PackageIndex,
    status: int | None,
    kind: type[Exception],
):
    monkeypatch.setenv("PIP_INDEX_URL", index.answering(status))
    with pytest.raises(kind, match=r"No matching distribution found for demo-pack==1.2"):
        wheelhouse(tmp_path / "cache", (pin,), "amd64")


def test_an_index_with_a_certificate_of_its_own_is_trusted_by_pip_s_setting(
    tmp_path: Path, pin: Pin, monkeypatch: pytest.MonkeyPatch, index: PackageIndex
):
    url, certificate = index.with_certificate(tmp_path / "index", tmp_path)
    monkeypatch.setenv("PIP_INDEX_URL", url)
    with pytest.raises(Unreachable, match=r"(?s)pip cannot download.*certificate verify failed"):
        wheelhouse(tmp_path / "cache", (pin,), "amd64")
    monkeypatch.setenv("PIP_CERT", str(certificate))
    assert wheelhouse(tmp_path / "cache", (pin,), "amd64").packages[0].name == "demo-pack"


def test_wheels_of_another_architecture_lie_elsewhere(pin: Pin):
    assert key_of((pin,), "amd64") != key_of((pin,), "arm64")
