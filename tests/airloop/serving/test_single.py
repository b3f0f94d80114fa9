"""A server of one bundle on a Unix socket, as it runs in a container."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from airloop.errors import BundleError, SpecError
from airloop.serving import proof
from airloop.serving.slot import open_loaded
from airloop.serving.tokens import Tokens, hashes_of, read_hashes

PROJECT = Path(__file__).resolve().parents[3]
HEAVY = ("pandas", "pyarrow", "xgboost", "sqlalchemy", "pydantic", "docker", "httpx", "yaml", "fsspec")


@pytest.fixture
def only(tmp_path: Path, kit) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts servers of one bundle in ``tmp_path``; they are gone after the test."""
    running = []

    def go(folder: Path, digest: str, *options: str, **environ: str) -> subprocess.Popen[bytes]:
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": "include", "AIRLOOP_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-m", "airloop.serving", "--bundle", str(folder), "--digest", digest]
        command += ["--socket", str(tmp_path / "s"), *options]
        with (tmp_path / "log").open("wb") as log:
            running.append(
                subprocess.Popen(command, env=env | hashes_of(kit.TOKENS) | environ, stderr=log, cwd=PROJECT)
            )
        return running[-1]

    yield go
    for process in running:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def client_of(path: Path, token: str) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=str(path))
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(transport=transport, base_url="http://server", headers=headers, timeout=20)


def wait(process: subprocess.Popen[bytes], path: Path, log: Path) -> None:
    for _ in range(400):
        with socket.socket(socket.AF_UNIX) as asking:
            if asking.connect_ex(str(path)) == 0:
                return
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.mark.slow
def test_it_serves_its_bundle_on_the_socket_and_takes_no_other(only, tmp_path, workspace, kit):
    bundle = kit.write_bundle(workspace.store)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "s"))
    left.close()
    process = only(bundle.folder, bundle.digest, "--no-log")
    wait(process, tmp_path / "s", tmp_path / "log")
    with client_of(tmp_path / "s", kit.TOKENS.admin) as admin, client_of(tmp_path / "s", kit.TOKENS.infer) as infer:
        assert infer.post("/v2/models/flights/infer", json=kit.body_of()).json()["outputs"][0]["data"] == (
            bundle.golden.expected
        )
        # The short way reads the headers of a copy, too.
        infer.post("/v2/models/flights/infer", json=kit.body_of(), headers={"x-airloop-shadow": "1"})
        shown = admin.get("/admin/pipelines/flights").json()
        assert shown["champion"] == kit.state_of(bundle)
        assert (shown["stats"]["1"]["requests"], shown["stats"]["1"]["shadow_requests"]) == (1, 1)
        for method in ("PUT", "DELETE"):
            refused = admin.request(method, "/admin/pipelines/flights", json={})
            assert (refused.status_code, refused.json()["error"]) == (
                409,
                "this server serves the one bundle it was started with; start another server for others",
            )
        assert infer.get("/admin/pipelines/flights").status_code == 403
        assert infer.post("/v2/models/flights/infer", json={}, headers={"authorization": "Bearer x"}).status_code == 401
    process.terminate()
    assert process.wait(20) == 0
    assert not (tmp_path / "s").exists()


@pytest.mark.slow
def test_copies_that_come_by_their_own_port_are_never_logged(only, tmp_path, workspace, kit):
    """Over real connections, the short way and the usual one (a body in pieces)."""
    bundle, port = kit.write_bundle(workspace.store), free_port()
    process = only(bundle.folder, bundle.digest, AIRLOOP_SHADOW_PORT=str(port), AIRLOOP_STORE=str(tmp_path / "there"))
    wait(process, tmp_path / "s", tmp_path / "log")
    body = json.dumps(kit.body_of()).encode()
    headers = {"authorization": f"Bearer {kit.TOKENS.infer}", "content-type": "application/json"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as copies:
        for content in (body, iter([body[:9], body[9:]])):
            copied = copies.post("/v2/models/flights/infer", content=content)
            assert copied.json()["outputs"][0]["data"] == bundle.golden.expected
        assert copies.get("/v2/health/ready").status_code == 404
    with client_of(tmp_path / "s", kit.TOKENS.admin) as admin:
        shown = admin.get("/admin/pipelines/flights").json()["stats"]["1"]
        assert (shown["requests"], shown["shadow_requests"]) == (0, 2)
        assert list(admin.get("/admin/pipelines/flights/answers").json()["answers"].values()) == [
            bundle.golden.expected
        ]
    process.terminate()
    assert process.wait(40) == 0
    assert not list(tmp_path.glob("there/**/*.parquet"))


@pytest.mark.slow
def test_a_shadow_port_that_is_taken_is_said(only, tmp_path, workspace, kit):
    bundle = kit.write_bundle(workspace.store)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert only(bundle.folder, bundle.digest, "--no-log", "--shadow-port", str(port)).wait(30) == 1
    said = (tmp_path / "log").read_text()
    assert f"port {port} on 127.0.0.1 cannot be used" in said
    assert "Choose another one with --shadow-port" in said


@pytest.mark.slow
def test_two_servers_never_share_a_socket(only, tmp_path, workspace, kit):
    bundle = kit.write_bundle(workspace.store)
    wait(only(bundle.folder, bundle.digest, "--no-log"), tmp_path / "s", tmp_path / "log")
    assert only(bundle.folder, bundle.digest, "--no-log").wait(30) == 1
    said = (tmp_path / "log").read_text()
    assert f"socket {tmp_path / 's'} cannot be used: another server listens there. Choose another" in said
    with client_of(tmp_path / "s", "x") as client:
        assert client.get("/v2/health/live").status_code == 200


@pytest.mark.slow
def test_bytes_that_are_not_the_digest_are_refused(only, tmp_path, workspace, kit):
    bundle = kit.write_bundle(workspace.store)
    (bundle.folder / "pipeline.yaml").chmod(0o644)
    (bundle.folder / "pipeline.yaml").write_text("name: ships\n")
    assert only(bundle.folder, bundle.digest).wait(30) == 1
    said = (tmp_path / "log").read_text()
    assert f"bundle {bundle.digest[:12]} in {bundle.folder} was changed: altered pipeline.yaml" in said
    assert not (tmp_path / "s").exists()


def test_a_folder_needs_its_digest():
    command = [sys.executable, "-m", "airloop.serving", "--bundle", "/x"]
    env = os.environ | {"PYTHONPATH": "include"}
    ended = subprocess.run(command, env=env, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, "--bundle and --digest belong together" in ended.stderr) == (2, True)


def test_a_proved_bundle_loads_nothing_heavy(workspace, kit):
    bundle = kit.write_bundle(workspace.store)
    shown = proof.find(workspace.store, bundle.digest)
    script = (
        "import sys\nfrom pathlib import Path\nimport airloop.serving.server\n"
        "from airloop.serving.slot import load_folder\n"
        f"print(load_folder(Path({str(bundle.folder)!r}), {bundle.digest!r}).predictor.ways)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": "include", proof.VARIABLE: proof.as_told(bundle.digest, shown)}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=env, cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    assert (ended.stdout, ended.stderr) == ("arrays, forest\n[]\n", "")


def test_without_pandas_a_bundle_must_be_proved_and_that_is_said(workspace, kit, monkeypatch):
    bundle = kit.write_bundle(workspace.store)
    shown = proof.find(workspace.store, bundle.digest)
    monkeypatch.setitem(sys.modules, "pandas", None)  # as where it is not installed
    assert open_loaded(bundle, shown).predictor.ways == "arrays, forest"
    differs = proof.Proof(arrays=False, forest=True, reason="rows swap their order")
    for given in (proof.NONE, differs):
        with pytest.raises(BundleError) as refused:
            open_loaded(bundle, given)
        assert f"bundle {bundle.digest[:12]} needs pandas, which is not installed here" in str(refused.value)
        assert f"({given.reason}). Set AIRLOOP_PROOF to what `verify_bundle` proved" in str(refused.value)


def test_hashes_grant_what_the_tokens_grant():
    tokens = Tokens("one", "two")
    hashes = read_hashes(hashes_of(tokens))
    assert hashes is not None
    for header in (b"Bearer one", b"Bearer two", b"Bearer one ", b"bearer one", b"Basic one", b"Bearer ", b"one", b""):
        assert hashes.may_infer(header) is tokens.may_infer(header), header
        assert hashes.may_administer(header) is tokens.may_administer(header), header
    assert "two" not in repr(hashes)


def test_hashes_that_are_none_say_which():
    assert read_hashes({}) is None
    given = hashes_of(Tokens("one", "two"))
    infer, _ = given
    with pytest.raises(SpecError, match="AIRLOOP_ADMIN_TOKEN_SHA256 is not set; it must be the SHA-256 of a token"):
        read_hashes({infer: given[infer]})
    with pytest.raises(SpecError, match=r"AIRLOOP_INFER_TOKEN_SHA256 has 3 characters; .* 64 hexadecimal digits"):
        read_hashes(given | {infer: "one"})


@pytest.mark.slow
def test_what_it_answers_reaches_the_store(only, tmp_path, workspace, kit):
    bundle = kit.write_bundle(workspace.store)
    process = only(bundle.folder, bundle.digest, AIRLOOP_STORE=str(tmp_path / "there"))
    wait(process, tmp_path / "s", tmp_path / "log")
    with client_of(tmp_path / "s", kit.TOKENS.infer) as infer:
        assert infer.post("/v2/models/flights/infer", content=json.dumps(kit.body_of())).status_code == 200
    process.terminate()
    assert process.wait(40) == 0
    import pyarrow.parquet as pq

    (written,) = (tmp_path / "there" / "predictions" / "flights").rglob("*.parquet")
    table = pq.read_table(written)
    assert (table.num_rows, "passport" in table.column_names) == (5, False)
