"""Keys: where they are found, which are trusted, and that a private one shows up nowhere."""

from __future__ import annotations

import logging
import os
import stat
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.airloop.release.conftest import Bench, workspace_in

from airloop.errors import DataError, EvidenceError
from airloop.evidence import keys
from airloop.workspace import Workspace

from .conftest import with_keys, write_key


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_in(tmp_path / "home")


def test_a_key_is_generated_once_and_only_its_owner_reads_it(workspace: Workspace) -> None:
    first = keys.signing_key(workspace)
    assert keys.signing_key(workspace).public.id == first.public.id
    file = workspace.home / "secrets" / "signing.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert (workspace.home / "secrets" / "signing.pub").read_text() == first.public.pem
    assert sorted(path.name for path in file.parent.iterdir()) == ["signing.key", "signing.pub"]


def test_of_many_that_generate_a_key_at_once_all_get_the_same(workspace: Workspace) -> None:
    found: list[str] = []
    start = threading.Barrier(8)

    def sign() -> None:
        start.wait()
        found.append(keys.signing_key(workspace).public.id)

    threads = [threading.Thread(target=sign) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()])
def test_a_key_may_lie_in_a_file(workspace: Workspace, tmp_path: Path, curve: ec.EllipticCurve) -> None:
    file = write_key(tmp_path, "team", curve)
    key = keys.signing_key(with_keys(workspace, file))
    assert key.public.pem == file.with_suffix(".pub").read_text()
    assert not (workspace.home / "secrets").exists()


@pytest.mark.parametrize("folded", [False, True])
def test_a_key_may_be_the_password_of_a_connection(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folded: bool
) -> None:
    file = write_key(tmp_path, "team")
    text = file.read_text().replace("\n", "\\n") if folded else file.read_text()
    monkeypatch.setenv("AIRFLOW_CONN_SIGNING", f"generic://:{quote(text, safe='')}@")
    key = keys.signing_key(with_keys(workspace, "connection:signing"))
    assert key.public.pem == file.with_suffix(".pub").read_text()
    with pytest.raises(DataError, match="connection 'other' is unknown: set AIRFLOW_CONN_OTHER or add it in Airflow"):
        keys.signing_key(with_keys(workspace, "connection:other"))


def test_what_is_no_such_key_is_refused_without_a_word_of_it(workspace: Workspace, tmp_path: Path) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoded = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path / "team.key"
    file.write_bytes(encoded)
    with pytest.raises(
        EvidenceError, match=r"team\.key: this is not an unencrypted private key on curve P-256 .* kind"
    ):
        keys.signing_key(with_keys(workspace, file))
    cut = write_key(tmp_path, "cut").read_text()[:120]
    file.write_text(cut)
    with pytest.raises(EvidenceError, match="this is not an unencrypted private key") as caught:
        keys.signing_key(with_keys(workspace, file))
    assert cut[40:60] not in str(caught.value)
    assert caught.value.__suppress_context__
    with pytest.raises(EvidenceError, match=r"AIRLOOP_SIGNING_KEY: /nowhere/x\.key cannot be read: No such file"):
        keys.signing_key(with_keys(workspace, "/nowhere/x.key"))


def test_the_own_key_and_those_that_are_named_are_trusted(workspace: Workspace, tmp_path: Path) -> None:
    assert keys.trusted(workspace) == {}
    assert not (workspace.home / "secrets").exists(), "a check generated a key"
    folder = tmp_path / "team"
    folder.mkdir()
    one, two, three = (write_key(folder, name).with_suffix(".pub") for name in ("one", "two", "three"))
    several = tmp_path / "several.pem"
    several.write_text(two.read_text() + three.read_text())
    own = keys.signing_key(workspace).public.id
    named = with_keys(workspace, trusted=os.pathsep.join([str(one), str(several)]))
    assert len(keys.trusted(named)) == 4
    assert own in keys.trusted(named)
    assert set(keys.trusted(with_keys(workspace, trusted=str(folder)))) == set(keys.trusted(named))


def test_trusted_keys_that_cannot_be_used_are_named(workspace: Workspace, tmp_path: Path) -> None:
    private = write_key(tmp_path, "one")
    with pytest.raises(EvidenceError, match=r"AIRLOOP_TRUSTED_KEYS: .*/one\.key is not a public key in PEM"):
        keys.trusted(with_keys(workspace, trusted=str(private)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvidenceError, match=r"folder .*/empty holds no \*\.pub and no \*\.pem file"):
        keys.trusted(with_keys(workspace, trusted=str(tmp_path / "empty")))
    with pytest.raises(EvidenceError, match=r"/nowhere/x\.pub cannot be read: No such file"):
        keys.trusted(with_keys(workspace, trusted="/nowhere/x.pub"))


def test_a_private_key_is_in_no_log_no_store_no_ledger_and_no_text(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        bench.release(bench.bundle("1"))
        bench.release(bench.bundle("2", days=1))
        bench.roll_back()
    key = keys.signing_key(bench.workspace)
    pem = (bench.workspace.home / "secrets" / "signing.key").read_text()
    secret = pem.splitlines()[1].encode()
    files = [path for path in bench.workspace.home.rglob("*") if path.is_file() and path.parent.name != "secrets"]
    assert len(files) > 20
    assert [path for path in files if secret in path.read_bytes() or b"PRIVATE KEY" in path.read_bytes()] == []
    told = caplog.text + "".join(bench.lines) + repr(key) + repr(bench.workspace)
    assert "PRIVATE" not in told
    assert secret.decode() not in told
    with key.as_file() as file:
        assert file.read_text() == pem
    assert not file.exists()
