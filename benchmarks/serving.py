"""How fast the model server is: ``python benchmarks/serving.py [--seconds 1] [--rounds 7]``.

Three servers, each on one core, asked in short bursts that alternate, so that each round compares like with like:

- ``empty``: an ASGI application that reads the body and answers a constant: the limit of what uvicorn can do;
- ``plain``: uvicorn + msgspec + ``Booster.inplace_predict``, no checks, no auth, no log, no metrics;
- ``airloop``: the real server with auth, input checks, prediction log and metrics on.

The model has 200 trees of depth 6 over 20 columns like those of a flight, three of them categories.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "include"))

from airloop import digest
from airloop.bundle.facts import Facts
from airloop.bundle.golden import Golden
from airloop.bundle.opened import open_folder
from airloop.features.schema import Feature, Input, Schema
from airloop.serving import proof
from airloop.serving.client import ServerClient
from airloop.store import Store
from airloop.verification.measure import megabytes_of
from airloop.verification.prove import prove

CATEGORIES = {"carrier": 16, "origin": 3, "dest": 104}
NUMBERS = [f"number_{place}" for place in range(17)]
TOKEN = "benchmark"  # noqa: S105  # of servers that live for this measurement
SETTINGS = {"1 row, 1 connection": (1, 1), "1 row, 16 connections": (1, 16), "100 rows, 1 connection": (100, 1)}
KSERVE = {"1 row, 1 connection": 4.6 / 6.7, "1 row, 16 connections": 3.8 / 8.4, "100 rows, 1 connection": 4.0 / 5.5}
"""KServe's throughput as a share of ``plain``'s, measured before on one machine in one run."""

EMPTY = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
"""
PLAIN = """
import json, os
import msgspec, numpy as np, xgboost
class Tensor(msgspec.Struct):
    name: str
    data: list
class Body(msgspec.Struct):
    inputs: list[Tensor]
booster = xgboost.Booster({"nthread": 1}, model_file=os.environ["MODEL"])
codes = json.loads(os.environ["CODES"])
decode = msgspec.json.Decoder(Body).decode
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    columns = []
    for tensor in decode(body).inputs:
        known = codes.get(tensor.name)
        columns.append(tensor.data if known is None else [known.get(value, np.nan) for value in tensor.data])
    answers = booster.inplace_predict(np.array(columns, dtype=np.float32).T)
    out = msgspec.json.encode({"outputs": [{"name": "probability", "data": answers.tolist()}]})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(out)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": out})
"""
RUN = """
import socket, sys, uvicorn
sys.path.insert(0, sys.argv[2])
config = uvicorn.Config(sys.argv[1] + ":app", loop="uvloop", http="httptools", ws="none", lifespan="off",
                        access_log=False, log_level="critical")
uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[3]))])
"""


def schema_and_model(folder: Path) -> tuple[Schema, np.ndarray]:
    """Train the model into ``folder/model.ubj``; return its schema and rows like those it was trained on."""
    import xgboost

    random = np.random.default_rng(0)
    matrix = random.normal(size=(20_000, len(CATEGORIES) + len(NUMBERS))).astype(np.float32)
    for place, count in enumerate(CATEGORIES.values()):
        matrix[:, place] = random.integers(0, count, len(matrix))
    label = matrix[:, 3] + np.sin(matrix[:, 2]) + matrix[:, 4] * matrix[:, 5] + random.normal(size=len(matrix)) > 0.5
    types = ["c"] * len(CATEGORIES) + ["q"] * len(NUMBERS)
    data = xgboost.QuantileDMatrix(matrix, label, feature_types=types, enable_categorical=True, nthread=2)
    params = {"objective": "binary:logistic", "max_depth": 6, "learning_rate": 0.1, "nthread": 2}
    xgboost.train(params, data, 200).save_model(folder / "model.ubj")
    names = [*CATEGORIES, *NUMBERS]
    inputs = tuple(Input(name, "text" if name in CATEGORIES else "number", nullable=True) for name in names)
    features = tuple(Feature(name, categories(name) if name in CATEGORIES else None) for name in names)
    return Schema(inputs, features, "binary", ("0", "1")), matrix[:1000]


def categories(name: str) -> tuple[str, ...]:
    """Return a column's categories, sorted."""
    return tuple(f"{name[0].upper()}{number:03d}" for number in range(CATEGORIES[name]))


def values_of(matrix: np.ndarray) -> dict[str, list]:
    """Return rows as a request carries them."""
    columns = {}
    for place, name in enumerate([*CATEGORIES, *NUMBERS]):
        column = matrix[:, place].astype(float)
        columns[name] = (
            [categories(name)[int(code)] for code in column] if name in CATEGORIES else column.round(4).tolist()
        )
    return columns


def write_bundle(store: Store, schema: Schema, rows: dict[str, list], model: Path) -> str:
    """Put the model in the store as a proved bundle; return its digest."""
    scratch = model.parent / "bundle"
    (scratch / "model").mkdir(parents=True)
    (scratch / "model" / "model.ubj").write_bytes(model.read_bytes())
    (scratch / "model" / "trainer.json").write_text('{"trainer": "xgboost"}')
    (scratch / "features.json").write_text("null")
    (scratch / "schema.json").write_bytes(msgspec.json.encode(schema))
    facts = Facts("flights", "1", "2013-03-18T00:00:00Z", {}, (), 10_000, True)
    (scratch / "bundle.json").write_bytes(msgspec.json.encode(facts))
    few = {name: values[:50] for name, values in rows.items()}
    (scratch / "golden.json").write_bytes(msgspec.json.encode(Golden(few, golden_answers(schema, few, model))))
    for name in ("pipeline.yaml", "requirements.txt"):
        (scratch / name).write_text("")
    name = digest.of_folder(scratch)
    with store.writing("bundles", name) as folder:
        for path in sorted(scratch.rglob("*")):
            target = folder / path.relative_to(scratch)
            target.mkdir() if path.is_dir() else target.write_bytes(path.read_bytes())
    shown = prove(open_folder(store.folder("bundles", name), name))
    assert shown.forest and shown.arrays, shown.reason
    proof.keep(store, name, shown)
    return name


def golden_answers(schema: Schema, rows: dict[str, list], model: Path) -> list[float]:
    """Return the native answers."""
    import xgboost

    from airloop.serving.columns import DirectEncoder

    matrix = DirectEncoder(schema)([rows[column.name] for column in schema.inputs])
    return xgboost.Booster(model_file=model).inplace_predict(matrix).astype(float).tolist()


def request_bytes(rows: dict[str, list], count: int) -> bytes:
    """Return one whole HTTP request."""
    inputs = [
        {"name": name, "shape": [count], "datatype": "BYTES" if name in CATEGORIES else "FP64", "data": values[:count]}
        for name, values in rows.items()
    ]
    body = json.dumps({"inputs": inputs}, separators=(",", ":")).encode()
    head = (
        "POST /v2/models/flights/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Asker(asyncio.Protocol):
    """Sends the same request again and again on one connection, and keeps the durations."""

    def __init__(self, request: bytes, durations: list[float]) -> None:
        self._request, self._durations = request, durations
        self._wanted, self._seen, self._started = 0, b"", 0.0
        self.is_over = False
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        if not found:
            return
        if not self._wanted:
            assert head.startswith(b"HTTP/1.1 200"), self._seen
            self._wanted = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= self._wanted:
            self._durations.append(time.perf_counter() - self._started)
            self._wanted, self._seen = 0, b""
            if self.is_over:
                self._transport.close()
                self.done.set_result(None)
            else:
                self._ask()

    def _ask(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(self._request)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def burst(port: int, pid: int, request: bytes, connections: int, seconds: float) -> tuple[float, float, float]:
    """Return requests per second, 99th percentile in milliseconds, and the server's processor µs per request."""
    loop = asyncio.get_running_loop()
    durations: list[float] = []
    started, used = time.perf_counter(), cpu_seconds(pid)
    askers = [
        (await loop.create_connection(lambda: Asker(request, durations), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    for asker in askers:
        asker.is_over = True
    await asyncio.gather(*(asker.done for asker in askers))
    rate = len(durations) / (time.perf_counter() - started)
    return rate, 1e3 * float(np.percentile(durations, 99)), 1e6 * (cpu_seconds(pid) - used) / len(durations)


@contextmanager
def started(command: list[str], environ: dict[str, str], core: int | None):
    """Give port, process and a function that tells the seconds since the start, of a server on one core."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(512)
        port, descriptor = listening.getsockname()[1], listening.fileno()
        filled = [part.replace("{fd}", str(descriptor)) for part in command]
        begun = time.perf_counter()
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        process = subprocess.Popen(
            [*pinned, *filled], env=os.environ | environ, pass_fds=[descriptor], stderr=subprocess.DEVNULL
        )
    try:
        yield port, process, lambda: time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(30)


def first_answer(port: int, request: bytes) -> None:
    """Wait until the server answers ``request``."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        assert connection.recv(12) == b"HTTP/1.1 200"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a burst")
    parser.add_argument("--rounds", type=int, default=7, help="bursts of each server and setting")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    core = cores[0] if len(cores) > 1 else None
    with tempfile.TemporaryDirectory(prefix="airloop-benchmark-") as scratch:
        folder = Path(scratch)
        schema, matrix = schema_and_model(folder)
        rows = values_of(matrix)
        home = folder / "home"
        name = write_bundle(Store(str(home / "store")), schema, rows, folder / "model.ubj")
        (folder / "empty_app.py").write_text(EMPTY)
        (folder / "plain_app.py").write_text(PLAIN)
        codes = {column: {value: code for code, value in enumerate(categories(column))} for column in CATEGORIES}
        environ = {
            "MODEL": str(folder / "model.ubj"),
            "CODES": json.dumps(codes),
            "AIRLOOP_HOME": str(home),
            "AIRLOOP_INFER_TOKEN": TOKEN,
            "AIRLOOP_ADMIN_TOKEN": TOKEN,
            "PYTHONPATH": str(Path(__file__).parents[1] / "include"),
            "OMP_NUM_THREADS": "1",
        }
        commands = {
            "empty": [sys.executable, "-c", RUN, "empty_app", scratch, "{fd}"],
            "plain": [sys.executable, "-c", RUN, "plain_app", scratch, "{fd}"],
            "airloop": [sys.executable, "-m", "airloop.serving", "--descriptor", "{fd}"],
        }
        known = home / "serving" / "last_known.json"
        cold = {each: cold_start(commands[each], environ, core, rows, known, name) for each in commands}
        if core is not None:
            os.sched_setaffinity(0, set(cores[1:]))
        report(measure(commands, environ, core, rows, name, given.seconds, given.rounds), cold)


def cold_start(command, environ, core, rows, known: Path, name: str) -> float:
    """Return the median seconds from starting a server until it has answered its first request, of three starts."""
    request, found = request_bytes(rows, 1), []
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text(json.dumps({"flights": {"bundle": name, "version": "1"}}))
    for _ in range(3):
        # The real server asks its ledger first; an address where nobody answers makes it take what it served last.
        with started(command, environ | {"AIRLOOP_LEDGER": "sqlite:////proc/none/ledger.db"}, None) as (
            port,
            _,
            seconds,
        ):
            while True:
                try:
                    first_answer(port, request)
                    break
                except (AssertionError, OSError):
                    time.sleep(0.005)
            found.append(seconds())
    return statistics.median(found)


def measure(commands, environ, core, rows, name, seconds: float, rounds: int) -> dict:
    """Return setting → server → list of (requests per second, p99 ms), and server → megabytes."""
    import uvloop

    results: dict = {setting: {server: [] for server in commands} for setting in SETTINGS}
    with (
        started(commands["empty"], environ, core) as (empty, empty_process, _),
        started(commands["plain"], environ, core) as (plain, plain_process, _),
        started([*commands["airloop"], "--no-recall"], environ, core) as (airloop, airloop_process, _),
    ):
        ports = {"empty": empty, "plain": plain, "airloop": airloop}
        processes = {"empty": empty_process, "plain": plain_process, "airloop": airloop_process}
        with ServerClient(f"http://127.0.0.1:{airloop}", TOKEN, timeout_s=60) as client:
            while not client.ready():
                time.sleep(0.05)
            client.put_state("flights", {"champion": {"bundle": name, "version": "1"}})
        for port in ports.values():
            first_answer(port, request_bytes(rows, 1))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for round_ in range(-1, rounds):
                for setting, (count, connections) in SETTINGS.items():
                    request = request_bytes(rows, count)
                    for server, port in ports.items():
                        found = runner.run(
                            burst(port, processes[server].pid, request, connections, seconds if round_ >= 0 else 0.3)
                        )
                        if round_ >= 0:
                            results[setting][server].append(found)
        results["memory"] = {server: megabytes_of(process.pid) for server, process in processes.items()}
    return results


def report(results: dict, cold: dict[str, float]) -> None:
    """Print the table: medians, and medians of the ratios within a round."""
    memory = results.pop("memory")
    titles = f"{'requests/s':>10} {'p99 ms':>8} {'CPU us':>7} {'x plain':>8} {'x empty':>8} {'x KServe*':>9}"
    print(f"{'setting':24} {'server':8} {titles}")
    for setting, found in results.items():
        for server, bursts in found.items():
            rate, p99, cpu = (statistics.median(values) for values in zip(*bursts, strict=True))
            plain, empty = (ratio(bursts, found[other]) for other in ("plain", "empty"))
            kserve = plain / KSERVE[setting]
            print(f"{setting:24} {server:8} {rate:10.0f} {p99:8.2f} {cpu:7.0f} {plain:8.2f} {empty:8.2f} {kserve:9.1f}")
    for server in memory:
        print(f"{'memory, cold start':24} {server:8} {memory[server]:7.0f} MB {cold[server]:7.2f} s")
    print("CPU: the server's processor time per request. * through plain: KServe was measured against it.")


def ratio(mine: list[tuple], theirs: list[tuple]) -> float:
    """Return the median over rounds of the ratio of requests per second."""
    return statistics.median(one[0] / other[0] for one, other in zip(mine, theirs, strict=True))


if __name__ == "__main__":
    main()
