"""How fast predictions are, directly and through the gateway: ``python benchmarks/gateway.py [--seconds 1]``.

The model is that of ``benchmarks/serving.py``. Each server has one core, shared with nginx where that is before it, and
is asked in short bursts that alternate, so that each round compares like with like:

- ``direct``: the model server on a port of this machine;
- ``gateway``: the same server in its image, on a Unix socket, behind nginx, reached by the port that Docker publishes;
- ``mlflow``: ``mlflow models serve`` with the same model, from an environment made for it below ``--peers``. It is sent
  numbers, so it is spared the coding of categories, and it has neither tokens nor a log.

Needs a Docker engine; ``--without-peers`` installs nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import serving as served

from airloop import engine, images
from airloop.engine import server_container
from airloop.gateway import Gateway, Route, Upstream
from airloop.serving.tokens import Tokens
from airloop.spec.model import Serving
from airloop.store import Store
from airloop.workspace import Workspace

MLFLOW = [f"mlflow=={metadata.version('mlflow-skinny')}", f"xgboost-cpu=={metadata.version('xgboost-cpu')}"]
"""As locked here, so that both sides are of the same day."""
SAVE = """
import sys, mlflow.xgboost, xgboost
mlflow.xgboost.save_model(xgboost.Booster(model_file=sys.argv[1]), sys.argv[2], model_format="ubj")
"""
SETTINGS = served.SETTINGS
Results = dict[str, dict[str, list[tuple[float, float, float]]]]


@dataclass(frozen=True)
class Asked:
    """A server: where it is, how it is asked for ``count`` rows, and the processor time it has used, seconds."""

    port: int
    requests: dict[int, bytes]
    used_s: Callable[[], float]


class Asker(served.Asker):
    """Connects anew where the server closes the connection after each answer."""

    def __init__(self, asked: Asked, count: int, durations: list[float]) -> None:
        super().__init__(asked.requests[count], durations)
        self._port = asked.port
        self._closes = False

    def data_received(self, data: bytes) -> None:
        self._closes = self._closes or b"connection: close" in data.lower()
        super().data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            loop = asyncio.get_running_loop()
            self._again = loop.create_task(loop.create_connection(lambda: self, "127.0.0.1", self._port))

    def _ask(self) -> None:
        if self._closes:
            self._closes = False
            self._started = time.perf_counter()
            self._transport.close()
            return
        super()._ask()

    def connection_made(self, transport: asyncio.Transport) -> None:
        started = self._started
        super().connection_made(transport)
        # The way to the server belongs to a request where each one has to make it.
        self._started = started or self._started


async def burst(asked: Asked, count: int, connections: int, seconds: float) -> tuple[float, float, float]:
    """Return requests per second, their 99th percentile in milliseconds, and processor µs per request."""
    loop = asyncio.get_running_loop()
    durations: list[float] = []
    used, started = asked.used_s(), time.perf_counter()
    askers = [
        (await loop.create_connection(lambda: Asker(asked, count, durations), "127.0.0.1", asked.port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    for asker in askers:
        asker.is_over = True
    await asyncio.wait_for(asyncio.gather(*(asker.done for asker in askers)), 60)
    took, used = time.perf_counter() - started, asked.used_s() - used
    return len(durations) / took, 1e3 * float(np.percentile(durations, 99)), 1e6 * used / len(durations)


@contextmanager
def direct(home: Path, rows: dict[str, list], name: str, core: int) -> Iterator[Asked]:
    """Give the real server on a port."""
    environ = {
        "AIRLOOP_HOME": str(home),
        "AIRLOOP_INFER_TOKEN": served.TOKEN,
        "AIRLOOP_ADMIN_TOKEN": served.TOKEN,
        "PYTHONPATH": str(Path(__file__).parents[1] / "include"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "airloop.serving", "--no-recall", "--descriptor", "{fd}"]
    with served.started(command, environ, core) as (port, process, _):
        with served.ServerClient(f"http://127.0.0.1:{port}", served.TOKEN, timeout_s=60) as client:
            while not client.ready():
                time.sleep(0.05)
            client.put_state("flights", {"champion": {"bundle": name, "version": "1"}})
        requests = {count: served.request_bytes(rows, count) for count, _ in SETTINGS.values()}
        yield Asked(port, requests, lambda: served.cpu_seconds(process.pid))


@contextmanager
def behind_gateway(home: Path, rows: dict[str, list], name: str, core: int) -> Iterator[Asked]:
    """Give the same server in a container, with log, limits and nginx as in production."""
    public, admin = free_port(), free_port()
    environ = {
        "AIRLOOP_HOME": str(home),
        "AIRLOOP_PREFIX": f"airloop-b-{secrets.token_hex(4)}",
        "AIRLOOP_GATEWAY": f"http://127.0.0.1:{public}",
        "AIRLOOP_GATEWAY_ADMIN": f"http://127.0.0.1:{admin}",
    }
    workspace = Workspace.from_environment(environ)
    tokens = Tokens(served.TOKEN, served.TOKEN)
    with engine.connected() as client:
        image = images.base(workspace).reference
        try:
            gateway = Gateway(workspace, client)
            gateway.ensure()
            server = server_container.Server(f"{workspace.prefix}-flights", "flights", "1", name, image)
            given = server_container.arguments(workspace, Serving(), server, tokens)
            folder = str(workspace.store.folder("bundles", name))
            bundle = {"Type": "bind", "Source": folder, "Target": server_container.BUNDLE, "ReadOnly": True}
            given["mounts"] = [*given["mounts"], bundle]
            client.containers.create(**given, cpuset_cpus=str(core)).start()
            client.containers.get(f"{workspace.prefix}-gateway").update(cpuset_cpus=str(core))
            with gateway.server(server.name, served.TOKEN) as asked:
                while not asked.ready():
                    time.sleep(0.05)
            gateway.put("flights", Route(Upstream(server.name, name, "1", image)))
            requests = {count: served.request_bytes(rows, count) for count, _ in SETTINGS.values()}
            names = (server.name, f"{workspace.prefix}-gateway")
            yield Asked(public, requests, lambda: sum(container_seconds(client, each) for each in names))
        finally:
            wanted = {"label": f"{engine.connection.LABEL}.stack={workspace.prefix}"}
            for container in client.containers.list(all=True, filters=wanted):
                container.remove(force=True)
            for volume in client.volumes.list():
                if volume.name.startswith(f"{workspace.prefix}-"):
                    volume.remove()


@contextmanager
def mlflow(peers: Path, model: Path, matrix: np.ndarray, core: int) -> Iterator[Asked]:
    """Give ``mlflow models serve`` with one worker."""
    python = environment(peers / "mlflow", MLFLOW)
    folder = model.parent / "mlflow"
    subprocess.run([python, "-c", SAVE, model, folder], check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    command = [python, "-m", "mlflow", "models", "serve", "-m", folder, "--env-manager", "local", "-w", "1"]
    environ = os.environ | {"OMP_NUM_THREADS": "1", "PATH": f"{Path(python).parent}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command, "-p", str(port)],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        requests = {count: mlflow_request(matrix, count) for count, _ in SETTINGS.values()}
        asked = Asked(port, requests, lambda: tree_seconds(process.pid))
        until = time.monotonic() + 120
        while True:
            try:
                served.first_answer(port, asked.requests[1])
                break
            except (AssertionError, OSError):
                assert process.poll() is None and time.monotonic() < until, "mlflow does not answer"
                time.sleep(0.2)
        yield asked
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def container_seconds(client: Any, name: str) -> float:
    """Return the processor time that a container has used."""
    stats = client.api.stats(name, stream=False, one_shot=True)
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9)


def tree_seconds(pid: int) -> float:
    """Return the processor time that a process and its living children have used."""
    whole = psutil.Process(pid)
    times = [each.cpu_times() for each in (whole, *whole.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def mlflow_request(matrix: np.ndarray, count: int) -> bytes:
    """Return one whole HTTP request."""
    names = [*served.CATEGORIES, *served.NUMBERS]
    split = {"columns": names, "data": matrix[:count].astype(float).round(4).tolist()}
    body = json.dumps({"dataframe_split": split}, separators=(",", ":")).encode()
    head = "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def environment(folder: Path, packages: list[str]) -> str:
    """Return the Python of an environment with ``packages``, made where it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "-qq", *packages], check=True)
    return str(python)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def measure(servers: dict[str, Asked], seconds: float, rounds: int) -> Results:
    """Return setting → server → what ``burst`` found in each round."""
    import uvloop

    results: Results = {setting: {server: [] for server in servers} for setting in SETTINGS}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for round_ in range(-1, rounds):
            for setting, (count, connections) in SETTINGS.items():
                for server, asked in servers.items():
                    found = runner.run(burst(asked, count, connections, seconds if round_ >= 0 else 0.3))
                    if round_ >= 0:
                        results[setting][server].append(found)
    return results


def report(results: Results) -> None:
    """Print medians, and medians of the ratios within a round."""
    titles = f"{'requests/s':>10} {'p99 ms':>8} {'CPU us':>8} {'x mlflow':>9} {'x direct':>9}"
    print(f"{'setting':24} {'server':8} {titles}")
    for setting, found in results.items():
        for server, bursts in found.items():
            rate, p99, cpu = (statistics.median(values) for values in zip(*bursts, strict=True))
            ratios = [served.ratio(bursts, found[other]) if other in found else 0.0 for other in ("mlflow", "direct")]
            print(f"{setting:24} {server:8} {rate:10.0f} {p99:8.2f} {cpu:8.0f} {ratios[0]:9.2f} {ratios[1]:9.2f}")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a burst")
    parser.add_argument("--rounds", type=int, default=5, help="bursts of each server and setting")
    parser.add_argument("--peers", type=Path, default=Path(tempfile.gettempdir()) / "airloop-benchmark-peers")
    parser.add_argument("--without-peers", action="store_true", help="install and ask no other server")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # containers and processes are ended all the same
    core, *others = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="airloop-benchmark-") as scratch, ExitStack() as running:
        folder = Path(scratch)
        schema, matrix = served.schema_and_model(folder)
        rows, home = served.values_of(matrix), folder / "home"
        name = served.write_bundle(Store(str(home / "store")), schema, rows, folder / "model.ubj")
        servers = {
            "direct": running.enter_context(direct(home, rows, name, core)),
            "gateway": running.enter_context(behind_gateway(home, rows, name, core)),
        }
        if not given.without_peers:
            servers["mlflow"] = running.enter_context(mlflow(given.peers, folder / "model.ubj", matrix, core))
        os.sched_setaffinity(0, others or {core})
        report(measure(servers, given.seconds, given.rounds))


if __name__ == "__main__":
    main()
