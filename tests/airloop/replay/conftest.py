"""A pipeline over rows of four days, and an endpoint that remembers what it is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from airloop import clock
from airloop.replay import Replay
from airloop.spec import Pipeline, load
from airloop.workspace import Workspace

INPUTS = [("sent_at", "BYTES", "time"), ("weight", "FP64", "number"), ("stops", "INT64", "integer")]
INPUTS += [("carrier", "BYTES", "text"), ("fragile", "BOOL", "boolean")]
ROWS_A_DAY = 40
NOW = clock.parse("2026-06-01")
Answer = tuple[int, dict[str, Any]]


@dataclass
class Endpoint:
    """What the live endpoint was asked, in order, and what it answers; a test may change the latter."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    inputs: list[tuple[str, str, str]] = field(default_factory=lambda: list(INPUTS))
    answer: Callable[[dict[str, Any]], Answer] = lambda body: (200, {"model_version": "1"})
    about: Answer | None = None

    @property
    def ids(self) -> list[str]:
        return [body["id"] for body in self.bodies]

    @property
    def sent(self) -> pd.DataFrame:
        """All rows that came, in the order in which they came."""
        parts = [pd.DataFrame({each["name"]: each["data"] for each in body["inputs"]}) for body in self.bodies]
        return pd.concat(parts, ignore_index=True)

    def metadata(self) -> Answer:
        tensors = [
            {"name": name, "datatype": datatype, "shape": [-1], "parameters": {"kind": kind, "nullable": True}}
            for name, datatype, kind in self.inputs
        ]
        return self.about or (200, {"name": "parcels", "inputs": tensors})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    known = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._send(*known.metadata())

        def do_POST(self) -> None:
            assert self.headers["authorization"] == "Bearer may-predict"
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            known.bodies.append(body)
            self._send(*known.answer(body))

        def _send(self, status: int, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield known
        server.shutdown()
        thread.join()


@pytest.fixture
def workspace(tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("AIRLOOP_INFER_TOKEN", "may-predict")
    environ = {"AIRLOOP_HOME": str(tmp_path), "AIRLOOP_SERVER": endpoint.url}
    return Workspace.from_environment(environ | {"AIRLOOP_PIPELINES": str(tmp_path / "pipelines")})


@pytest.fixture
def parcels(workspace: Workspace) -> pd.DataFrame:
    """Rows of 1 to 4 March 2026, in the order of their events as they must come; some values are missing."""
    random = np.random.default_rng(3)
    days = pd.date_range("2026-03-01", periods=4, tz="UTC").repeat(ROWS_A_DAY)
    count = len(days)
    frame = pd.DataFrame(
        {
            "sent_at": days + pd.to_timedelta(random.integers(0, 1440, count), unit="min"),
            "weight": np.where(random.random(count) < 0.1, np.nan, random.exponential(4, count)),
            "stops": pd.array(random.integers(0, 3, count), dtype="Int64"),
            "carrier": random.choice(["fast", "cheap"], count),
            "fragile": random.random(count) < 0.5,
            "late": random.random(count) < 0.3,
        }
    )
    frame.loc[5, "stops"] = pd.NA
    for day, rows in frame.groupby(frame["sent_at"].dt.strftime("%Y-%m-%d")):
        (workspace.home / "rows").mkdir(exist_ok=True)
        rows.to_parquet(workspace.home / "rows" / f"{day}.parquet", index=False)
    return frame


@pytest.fixture
def pipeline(workspace: Workspace, parcels: pd.DataFrame) -> Pipeline:
    return write_pipeline(workspace)


def write_pipeline(workspace: Workspace, **data: Any) -> Pipeline:
    """Write the pipeline's spec, its ``data`` section changed, and return it."""
    folder = workspace.pipelines / "parcels"
    folder.mkdir(parents=True, exist_ok=True)
    about = {"source": {"path": "rows/{date}.parquet"}, "event_time": "sent_at", "label": {"column": "late"}} | data
    spec = {"name": "parcels", "data": about, "model": {"task": "binary"}, "monitor": {"schedule": "0 12 * * *"}}
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(spec))
    return load(folder)


@pytest.fixture
def open_replay(workspace: Workspace, pipeline: Pipeline) -> Callable[..., Replay]:
    """Return a function that makes a replay of 1 and 2 March, one request at a time unless told otherwise."""

    def make(start: str = "2026-03-01", end: str = "2026-03-03", **given: Any) -> Replay:
        given = {"known_until": NOW, "at_once": 1, "batch": 7} | given
        return Replay(workspace, pipeline, clock.parse(start), clock.parse(end), **given)

    return make
