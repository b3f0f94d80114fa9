"""Real bundles with small XGBoost models, and a real server process on them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import httpx
import msgspec
import numpy as np
import pytest

from airloop import digest
from airloop.bundle import Bundle, Facts, open_folder
from airloop.bundle.frames import as_frame
from airloop.bundle.golden import Golden, as_answers
from airloop.features.code import FeatureCode
from airloop.features.encode import encode
from airloop.features.schema import Feature, Input, Schema
from airloop.scoring import SavedHooks
from airloop.serving import proof
from airloop.serving.client import ServerClient
from airloop.serving.server import Limits, Process
from airloop.serving.slot import Wanted as Wanted
from airloop.serving.slot import open_loaded as open_loaded
from airloop.serving.tokens import Tokens
from airloop.store import Store
from airloop.workspace import Workspace

TOKENS = Tokens("infer-token", "admin-token")
SCHEMA = Schema(
    inputs=(
        Input("distance", "number", nullable=True),
        Input("carrier", "text", nullable=True),
        Input("stops", "integer", nullable=False),
        Input("direct", "boolean", nullable=False),
        Input("passport", "text", nullable=False),
        Input("at", "time", nullable=False),
    ),
    features=(
        Feature("distance"),
        Feature("carrier", categories=("AA", "B6", "UA")),
        Feature("stops"),
        Feature("direct"),
    ),
    task="binary",
    classes=("0", "1"),
)
ROWS = {
    "distance": [100.5, None, 2475.0, 0.0, 17.25],
    "carrier": ["AA", "B6", None, "ZZ", "UA"],
    "stops": [0, 1, 2, 3, 0],
    "direct": [True, False, False, True, True],
    "passport": ["", "", "", "", ""],
    "at": ["2013-03-18T06:00:00Z", "1970-01-01T00:00:00Z", "2013-12-31T23:59:59.500000Z"]
    + ["2013-01-01T00:00:00Z"] * 2,
}


def write_bundle(
    store: Store,
    version: str = "1",
    *,
    pipeline: str = "flights",
    schema: Schema = SCHEMA,
    sources: dict[str, str] | None = None,
    hooks: SavedHooks | None = None,
    rows: dict = ROWS,
    facts: dict | None = None,
    expected: list | None = None,
    rounds: int = 5,
    trainer: str = "xgboost",
    proved: bool = True,
    requirements: str = "numpy==0\n",
) -> Bundle:
    """Put a bundle in the store as ``package`` would; its answers differ with ``version``."""
    scratch = Path(store.url) / ".made" / digest.of_value([version, pipeline, str(time.time_ns())])
    (scratch / "features").mkdir(parents=True)
    for name, source in (sources or {}).items():
        (scratch / "features" / name).write_text(source)
    (scratch / "features.json").write_bytes(msgspec.json.encode(hooks))
    (scratch / "schema.json").write_bytes(msgspec.json.encode(schema))
    fitted = _fit(schema, int(version), rounds)
    (scratch / "model").mkdir()
    fitted.save_model(scratch / "model" / "model.ubj")
    (scratch / "model" / "trainer.json").write_text(json.dumps({"trainer": trainer}))
    given = {"private": ("passport",), "max_rows": 1000, "log_predictions": True} | (facts or {})
    about = Facts(pipeline=pipeline, version=version, data_cut_off="2013-03-18T00:00:00Z", lineage={}, **given)
    (scratch / "bundle.json").write_bytes(msgspec.json.encode(about))
    (scratch / "pipeline.yaml").write_text(f"name: {pipeline}\n")
    (scratch / "requirements.txt").write_text(requirements)
    golden = Golden(rows, [])
    code = FeatureCode.load(scratch / "features", hooks, tuple(column.name for column in schema.inputs))
    matrix = encode(schema, code.build(as_frame(schema, golden.columns(schema))))
    answers = as_answers(np.asarray(fitted.inplace_predict(matrix))) if expected is None else expected
    (scratch / "golden.json").write_bytes(msgspec.json.encode(Golden(rows, answers)))
    name = digest.of_folder(scratch)
    if not store.has("bundles", name):
        with store.writing("bundles", name) as folder:
            for path in scratch.rglob("*"):
                if path.is_file():
                    target = folder / path.relative_to(scratch)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(path.read_bytes())
    if proved:
        proof.keep(store, name, proof.Proof(arrays=code.has_arrays, forest=True))
    return open_folder(store.folder("bundles", name), name)


def _fit(schema: Schema, seed: int, rounds: int):
    import xgboost

    random = np.random.default_rng(seed)
    matrix = random.normal(size=(400, len(schema.features))).astype(np.float32)
    types = []
    for number, feature in enumerate(schema.features):
        types.append("q" if feature.categories is None else "c")
        if feature.categories is not None:
            matrix[:, number] = random.integers(0, len(feature.categories), len(matrix))
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    objectives = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
    classes = max(2, len(schema.classes))
    label = random.normal(size=len(matrix)) if schema.task == "regression" else random.integers(0, classes, len(matrix))
    params = {"objective": objectives[schema.task], "max_depth": 3, "nthread": 1, "seed": seed, "base_score": 0.5}
    if schema.task == "multiclass":
        params["num_class"] = classes
    data = xgboost.QuantileDMatrix(matrix, label, feature_types=types, enable_categorical=True, nthread=1)
    return xgboost.train(params, data, rounds)


def body_of(
    rows: dict = ROWS, schema: Schema = SCHEMA, *, identity: str | None = None, pick: list[int] | None = None
) -> dict:
    """Return a request for ``rows`` (column → values)."""
    datatypes = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "text": "BYTES", "time": "BYTES"}
    inputs = []
    for column in schema.inputs:
        data = rows[column.name] if pick is None else [rows[column.name][place] for place in pick]
        inputs.append({"name": column.name, "datatype": datatypes[column.kind], "shape": [len(data)], "data": data})
    return {"inputs": inputs} | ({"id": identity} if identity else {})


def row_of(row: int) -> dict:
    """Return one row by column."""
    return {name: values[row] for name, values in ROWS.items()}


@dataclass
class Served:
    """A running server process."""

    process: subprocess.Popen
    url: str
    log: Path
    home: Path
    clients: list = field(default_factory=list)

    def client(self, token: str = TOKENS.admin, **given) -> ServerClient:
        client = ServerClient(self.url, token, **given)
        self.clients.append(client)
        return client

    def http(self, token: str | None = TOKENS.infer) -> httpx.Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        client = httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=20)
        self.clients.append(client)
        return client

    def stop(self) -> int:
        """Ask it to stop and wait until it has."""
        for client in self.clients:
            client.close()
        self.process.terminate()
        return self.process.wait(30)


def start_server(home: Path, *options: str, port: int = 0, **environ: str) -> Served:
    """Start the real server with ``home`` as AIRLOOP_HOME and wait until it is ready."""
    with closing(socket.socket()) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(512)
        port = listening.getsockname()[1]
        home.mkdir(exist_ok=True, parents=True)
        log = home / "server.log"
        env = os.environ | {
            "AIRLOOP_HOME": str(home),
            "AIRLOOP_INFER_TOKEN": TOKENS.infer,
            "AIRLOOP_ADMIN_TOKEN": TOKENS.admin,
            "PYTHONPATH": "include",
            **environ,
        }
        command = [sys.executable, "-m", "airloop.serving", "--descriptor", str(listening.fileno()), *options]
        with log.open("ab") as stream:
            process = subprocess.Popen(
                command,
                env=env,
                stderr=stream,
                stdout=stream,
                pass_fds=[listening.fileno()],
                cwd=Path(__file__).parents[3],
            )
    served = Served(process, f"http://127.0.0.1:{port}", log, home)
    with ServerClient(served.url, TOKENS.infer, timeout_s=20) as client:
        for _ in range(200):
            if client.ready():
                return served
            if process.poll() is not None:
                break
            time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the server did not become ready:\n{log.read_text()}")


class InProcess:
    """The server's application, called without a network: fast, for tests of answers and refusals."""

    def __init__(self, workspace: Workspace, *, logs: bool = False, limits: Limits | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        made = dataclasses.replace(workspace)
        self.process = Process(made, limits or Limits(), logs=logs, recalls=False, granted=TOKENS)
        self.process.app.is_restored = True

    def ask(
        self, method: str, path: str, body=b"", *, token: str | None = TOKENS.infer, headers=(), parts=None, port=80
    ) -> Answer:
        """Return the answer; ``body`` is bytes or JSON, ``parts`` sends it in pieces, to ``port``."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.run(self.answer(method, path, parts or [data], token, headers, port))

    async def answer(
        self, method: str, path: str, parts: list[bytes], token: str | None, headers=(), port: int = 80
    ) -> Answer:
        fields = [(b"host", b"test"), *headers]
        if token is not None:
            fields.append((b"authorization", f"Bearer {token}".encode()))
        path, _, query = path.partition("?")
        raw = path.encode("utf-8", "surrogatepass")
        scope = {"type": "http", "method": method, "path": unquote(path), "raw_path": raw, "headers": fields}
        scope |= {"server": ("127.0.0.1", port), "query_string": query.encode()}
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        messages[-1]["more_body"] = False
        sent = []

        async def receive():
            return messages.pop(0) if messages else await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        await self.process(scope, receive, send)
        return Answer(sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"])

    def run(self, coroutine):
        return self._loop.run_until_complete(coroutine)

    def put(self, name: str = "flights", **state) -> Answer:
        return self.ask("PUT", f"/admin/pipelines/{name}", state, token=TOKENS.admin)

    def infer(self, body, name: str = "flights", version: str | None = None, **given) -> Answer:
        where = f"/versions/{version}" if version else ""
        return self.ask("POST", f"/v2/models/{name}{where}/infer", body, **given)

    def close(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


@dataclass
class Answer:
    """A response."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return self.json["error"]

    @property
    def predictions(self) -> list[float]:
        return self.json["outputs"][0]["data"]


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[InProcess, Bundle]]:
    """One application with one champion, for tests that only ask."""
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path_factory.mktemp("home"))})
    bundle = write_bundle(workspace.store)
    server = InProcess(workspace)
    assert server.put(champion=state_of(bundle)).status == 200
    yield server, bundle
    server.close()


@pytest.fixture
def server(workspace: Workspace) -> Iterator[InProcess]:
    """An application that serves nothing yet."""
    server = InProcess(workspace)
    yield server
    server.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path / "home")})


@pytest.fixture
def start(workspace: Workspace) -> Iterator[Callable[..., Served]]:
    """Starts servers on ``workspace``; they are gone after the test."""
    running = []

    def go(*options: str, **given) -> Served:
        running.append(start_server(workspace.home, *options, **given))
        return running[-1]

    yield go
    for served in running:
        for client in served.clients:
            client.close()
        if served.process.poll() is None:
            served.process.kill()
        served.process.wait()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Workspace, Bundle]]:
    """One server with one champion, for tests that only ask."""
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path_factory.mktemp("home"))})
    bundle = write_bundle(workspace.store)
    served = start_server(workspace.home, "--no-recall")
    try:
        served.client().put_state("flights", {"champion": state_of(bundle)})
        yield served, workspace, bundle
    finally:
        served.stop()


def state_of(bundle: Bundle) -> dict[str, str]:
    """Return how the admin API names a bundle."""
    return {"bundle": bundle.digest, "version": bundle.version}


def predictions(answer: dict | httpx.Response) -> list[float]:
    """Return the numbers of an answer."""
    value = answer if isinstance(answer, dict) else json.loads(answer.content)
    return value["outputs"][0]["data"]


@pytest.fixture(scope="session")
def kit():
    """This module: tests are not packages, so they cannot import it."""
    return sys.modules[__name__]


@pytest.fixture
def logging_server(workspace, kit):
    """A server in this process that keeps a prediction log."""
    server = kit.InProcess(workspace, logs=True)
    yield server
    server.process.journal.close_segment()
    server.close()
