"""One real Airflow and model server for all tests here, on free ports and in a scratch folder, and rows for them."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from airloop.laptop import control, ports, processes, state
from airloop.laptop.airflow_api import AirflowApi
from airloop.serving.client import ServerClient
from airloop.serving.tokens import read_or_make

PROJECT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
FLIGHTS_UNTIL = date(2013, 3, 18)


@dataclass
class Laptop:
    """The running stack, and what tests ask of it."""

    stack: control.Stack
    environ: dict[str, str]
    api: AirflowApi
    server: ServerClient
    started: int = field(default=0)

    @property
    def home(self) -> Path:
        return self.stack.home

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run of a DAG with the form's values and return its id."""
        self.api.wait_for_dag(dag_id)
        self.started += 1
        run_id = f"test-{self.started}"
        self.api.trigger(dag_id, run_id, conf)
        return run_id

    def run(self, dag_id: str, **conf: Any) -> tuple[str, str]:
        """Run a DAG to its end and return the run's id and state."""
        run_id = self.trigger(dag_id, **conf)
        return run_id, self.api.wait(dag_id, run_id)

    def states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Return task_id → state."""
        return {name: str(task["state"]) for name, task in self.api.tasks(dag_id, run_id).items()}

    def component(self, words: str) -> psutil.Process:
        """Return the process of the stack whose command line has ``words``."""
        found = [process for process in processes.marked(_mark(self.home)) if words in " ".join(process.cmdline())]
        assert found, f"no process of the stack runs {words!r}"
        return found[0]

    def until(self, is_true: Callable[[], Any], what: str, *, timeout_s: float = 120) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + timeout_s
        while not is_true():
            assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
            time.sleep(0.3)


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """A stack with rows landed. It ends with the last test, or with pytest's process whatever happens to that."""
    with running(tmp_path_factory.mktemp("laptop")) as laptop:
        yield laptop


@pytest.fixture(scope="module")
def laptop_with(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Laptop]]:
    """Starts another stack, in whose environment more is set. It ends with the module's last test."""
    with ExitStack() as stacks:
        yield lambda **more: stacks.enter_context(running(tmp_path_factory.mktemp("laptop"), **more))


@contextmanager
def running(home: Path, **more: str) -> Iterator[Laptop]:
    """Give a stack of its own below ``home``, in whose environment ``more`` is set, with rows landed."""
    environ = {
        **os.environ,
        "AIRLOOP_HOME": str(home),
        "AIRLOOP_PIPELINES": str(_pipelines(home)),
        "AIRLOOP_AIRFLOW_PORT": str(ports.any_free()),
        "AIRLOOP_SERVER_PORT": str(ports.any_free()),
        "AIRLOOP_AIRFLOW_USERS": "admin:admin,bob:op",
        "AIRLOOP_PREFIX": f"airloop-t-{secrets.token_hex(4)}",
        "AIRLOOP_GATEWAY": f"http://127.0.0.1:{ports.any_free()}",
        "AIRLOOP_GATEWAY_ADMIN": f"http://127.0.0.1:{ports.any_free()}",
        **more,
    }
    del environ["AIRFLOW_HOME"]
    _land_parcels(home)
    _land_flights(home)
    stack = control.up(environ=environ, ends_with=os.getpid())
    mark = _mark(home)
    try:
        with ServerClient(stack.server_url, read_or_make(home).infer) as server, stack.api() as api:
            yield Laptop(stack, environ, api, server)
    finally:
        assert control.down(home)
        assert processes.marked(mark) == []
        for port in (stack.airflow_url, stack.server_url):
            assert ports.is_free(int(port.rpartition(":")[2]))


@pytest.fixture(scope="session")
def make_parcels() -> Callable[..., pd.DataFrame]:
    """Make parcels for days."""
    return parcels


def _mark(home: Path) -> str:
    known = state.read(home)
    assert known is not None
    return known.mark


def _pipelines(home: Path) -> Path:
    """Put the tests' pipelines and the flights beside each other."""
    folder = home / "pipelines"
    shutil.copytree(HERE / "pipelines", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "include" / "pipelines" / "flight_delays", folder / "flight_delays")
    return folder


def parcels(days: pd.DatetimeIndex, rows: int = 60) -> pd.DataFrame:
    """Return parcels whose lateness depends on distance and carrier; arrivals are known 30 hours later."""
    random = np.random.default_rng(7)
    count = len(days) * rows
    sent = days.repeat(rows) + pd.to_timedelta(random.integers(0, 86_400, count), unit="s")
    distance, carrier = random.uniform(5, 900, count), random.choice(["fast", "cheap", "green"], count)
    score = distance / 300 + (carrier == "cheap") * 1.5 - 2.2
    frame = {
        "parcel": [f"p{number}" for number in range(count)],
        "sent_at": sent,
        "weight_kg": random.exponential(4, count),
        "distance_km": distance,
        "carrier": carrier,
        "late": random.random(count) < 1 / (1 + np.exp(-2 * score)),
        "arrived_at": sent + pd.Timedelta(hours=30),
    }
    return pd.DataFrame(frame)


def _land_parcels(home: Path) -> None:
    frame = parcels(pd.date_range("2026-01-01", periods=60, tz="UTC"))
    for day, rows in frame.groupby(frame["sent_at"].dt.strftime("%Y-%m-%d")):
        folder = home / "data" / "parcels" / f"date={day}"
        folder.mkdir(parents=True)
        rows.to_parquet(folder / "parcels.parquet", index=False)


def _land_flights(home: Path) -> None:
    spec = importlib.util.spec_from_file_location("land", PROJECT / "include/pipelines/flight_delays/land.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["land"] = module
    spec.loader.exec_module(module)
    module.land(home, until=FLIGHTS_UNTIL)
