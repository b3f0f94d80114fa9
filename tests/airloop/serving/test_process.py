"""The server as a process: what it remembers, how it stops, what it never loads."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airloop.errors import BundleError, Unreachable
from airloop.serving.client import ServerClient
from airloop.serving.refusal import Refusal
from airloop.serving.stats import Latency

PROJECT = Path(__file__).resolve().parents[3]


def promote(workspace, bundle, generation: int) -> None:
    """Write into the ledger that ``bundle`` is live."""
    workspace.ledger.promote(
        bundle.pipeline,
        "local",
        bundle=bundle.digest,
        version=bundle.version,
        data_cut_off=datetime(2013, 3, 18, tzinfo=UTC),
        expected_generation=generation,
        run_id=f"run-{generation}",
        reasons=["test"],
    )


@pytest.mark.slow
def test_after_a_kill_it_serves_what_the_ledger_says(start, workspace, kit):
    old, new = (kit.write_bundle(workspace.store, version) for version in ("1", "2"))
    promote(workspace, old, 0)
    served = start()
    assert served.client().infer("flights", kit.row_of(0))["model_version"] == "1"
    served.client().put_state("flights", {"champion": kit.state_of(old), "candidate": kit.state_of(new)})
    served.process.kill()
    promote(workspace, new, 1)
    again = start()
    answer = again.client().infer("flights", kit.row_of(0))
    assert answer["model_version"] == "2"
    assert answer["outputs"][0]["data"] == new.golden.expected[:1]
    assert again.client().get_state("flights")["candidate"] is None


@pytest.mark.slow
def test_without_the_ledger_the_champion_served_last_is_served_again(start, workspace, kit):
    bundle = kit.write_bundle(workspace.store)
    served = start("--no-recall")
    served.process.kill()
    folder = workspace.home / "serving"
    folder.mkdir(exist_ok=True)
    (folder / "last_known.json").write_text(json.dumps({"flights": kit.state_of(bundle)}))
    again = start(AIRLOOP_LEDGER="postgresql://127.0.0.1:1/none")
    assert again.client().infer("flights", kit.row_of(0))["model_version"] == "1"
    assert "the ledger does not answer, so what was served last is served again" in again.log.read_text()


def test_an_unready_server_still_serves_the_others(workspace, kit, caplog):
    good = kit.write_bundle(workspace.store)
    server = kit.InProcess(workspace)
    wanted = {"trains": kit.Wanted("0" * 64, "2"), "flights": kit.Wanted(good.digest, "1")}
    server.run(server.process.admin.restore(wanted))
    assert "trains: version 2 cannot be served: bundle 000000000000 is not in the store" in caplog.text
    assert server.infer(kit.body_of()).status == 200
    answer = server.infer(kit.body_of(), name="trains")
    assert (answer.status, answer.error.startswith("model 'trains' cannot be served: bundle 0000")) == (503, True)
    ready = server.ask("GET", "/v2/health/ready")
    assert (ready.status, ready.error.startswith("trains: bundle 000000000000 is not in the store")) == (503, True)
    assert server.ask("GET", "/v2/health/live").status == 200
    server.process.app.is_restored = False
    answer = server.infer(kit.body_of(), name="ships")
    assert (answer.status, answer.error) == (503, "the server is loading what was live before; ask again in a moment")
    # What is asked for now would be put under what was live before.
    assert server.put(champion=kit.state_of(good)).status == 503
    server.close()


@pytest.mark.slow
def test_a_stop_answers_what_was_asked_and_ends_with_zero(start, workspace, kit):
    bundle = kit.write_bundle(workspace.store)
    served = start("--no-recall")
    served.client().put_state("flights", {"champion": kit.state_of(bundle)})
    body = json.dumps(kit.body_of()).encode()
    head = f"POST /v2/models/flights/infer HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {kit.TOKENS.infer}\r\n"
    address = ("127.0.0.1", int(served.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:50])
        time.sleep(0.2)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        connection.sendall(body[50:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert served.process.wait(20) == 0


def test_a_slow_body_is_ended(workspace, kit):
    server = kit.InProcess(workspace, limits=kit.Limits(body_s=0.05))
    server.put(champion=kit.state_of(kit.write_bundle(workspace.store)))

    async def slow():
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v2/models/flights/infer",
            "raw_path": b"/v2/models/flights/infer",
            "headers": [(b"authorization", b"Bearer infer-token")],
        }
        sent = []

        async def receive():
            await kit.asyncio.sleep(60)

        async def send(message):
            sent.append(message)

        asked = kit.asyncio.create_task(server.process(scope, receive, send))
        for _ in range(200):
            await kit.asyncio.sleep(0.01)
            server.process.bodies.expire()
            if asked.done():
                break
        return sent

    start, body = server.run(slow())
    assert (start["status"], json.loads(body["body"])) == (408, {"error": "the body did not arrive within 0.05 s"})
    assert (b"connection", b"close") in start["headers"]
    server.close()


def test_a_taken_port_is_a_clear_message(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = os.environ | {"PYTHONPATH": "include", "AIRLOOP_HOME": str(tmp_path)}
        command = [sys.executable, "-m", "airloop.serving", "--port", str(port)]
        ended = subprocess.run(command, env=env, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert f"port {port} on 127.0.0.1 cannot be used: " in ended.stderr
    assert "Choose another one with --port" in ended.stderr


def test_serving_a_proved_bundle_loads_nothing_heavy(workspace, kit):
    bundle = kit.write_bundle(workspace.store)
    script = (
        "import sys\n"
        "import airloop.serving.server\n"
        "from airloop.serving.slot import Wanted, load\n"
        "from airloop.workspace import Workspace\n"
        f"load(Workspace.from_environment().store, 'flights', Wanted({bundle.digest!r}, '1'))\n"
        "heavy = ['pandas', 'pyarrow', 'xgboost', 'scipy', 'sklearn', 'sqlalchemy', 'pydantic', 'mlflow', 'joblib',\n"
        "         'datasketches', 'cloudpickle', 'httpx', 'yaml', 'airflow']\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    env = os.environ | {"PYTHONPATH": "include", "AIRLOOP_HOME": str(workspace.home)}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=env, cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    assert (ended.stdout.strip(), ended.stderr) == ("[]", "")


def test_the_client_says_what_to_do(start, workspace, kit):
    with ServerClient("http://127.0.0.1:9", "x") as client:
        assert client.ready() is False
        with pytest.raises(
            Unreachable, match=r"no model server at http://127.0.0.1:9: .*Start it with `make up` or `python -m"
        ):
            client.get_state("flights")
    bundle = kit.write_bundle(workspace.store)
    client = start("--no-recall").client()
    assert client.put_state("flights", {"champion": kit.state_of(bundle)})["champion"] == kit.state_of(bundle)
    assert client.infer("flights", kit.row_of(1), "1", identity="mine")["id"] == "mine"
    rows = [kit.row_of(row) for row in range(5)]
    assert client.infer("flights", rows)["outputs"][0]["data"] == bundle.golden.expected
    with pytest.raises(BundleError, match="bundle xxx is not in the store"):
        client.put_state("flights", {"champion": {"bundle": "xxx", "version": "1"}})
    with pytest.raises(Refusal, match=r"no model 'fligths' is served here\. Did you mean 'flights'"):
        client.infer("fligths", rows)
    with pytest.raises(Refusal, match="null is not allowed"):
        client.infer("flights", {"distance": 1.0})
    assert "airloop_rows_total" in client.metrics()
    client.delete("flights")
    assert client.get_state("flights")["champion"] is None


def test_durations_are_within_a_bin():
    latency = Latency()
    for milliseconds in range(1, 1001):
        latency.add(milliseconds / 1e3)
    assert latency.count == 1000
    assert latency.quantile_ms(0.5) == pytest.approx(500, rel=0.04)
    assert latency.quantile_ms(0.99) == pytest.approx(990, rel=0.04)
    assert latency.up_to(0.1) == pytest.approx(100, abs=8)
    assert Latency().quantile_ms(0.99) == 0.0
    before = latency.copy()
    latency.add(5.0)
    assert latency.since(before).count == 1
    latency.add(0.0)
    latency.add(1e9)
    assert latency.count == 1003
