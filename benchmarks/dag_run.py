"""What does Airflow add? Wall time of a DAG run against the same steps called in one warm process.

    python benchmarks/dag_run.py --rounds 3        (about 4 minutes on 2 cores)

Both take `flight_delays` from its data to a live model, for the same weeks, each in a store, a ledger and a model
server of its own, with work to do in every step. One run of each warms up; then they alternate, and the median ratio
counts. Needs PYTHONPATH=include:plugins.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from airloop import clock, steps
from airloop.laptop import control, ports
from airloop.laptop.airflow_api import AirflowApi
from airloop.serving.client import ServerClient
from airloop.serving.tokens import read_or_make
from airloop.spec import find
from airloop.workspace import PROJECT, Workspace

PIPELINE = "flight_delays"
FIRST = datetime.fromisoformat("2013-03-18T00:00:00+00:00")
Seconds = dict[str, float]
"""Step → seconds; ``whole`` is from the trigger, or the first call, to the end."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="airloop-bench-") as scratch:
        home = Path(scratch) / "airflow"
        here = Path(scratch) / "process"
        _prepare(home, here)
        with _airflow(home) as api, _server(here) as workspace:
            runs = [(_in_airflow(api, week), _in_process(workspace, week)) for week in range(rounds + 1)]
    _print(runs[1:])


def _prepare(*homes: Path) -> None:
    """Land the flights once and give each home a copy. Every week is released, at once: nobody sends requests."""
    pipelines = homes[0].parent / "pipelines"
    shutil.copytree(PROJECT / "include" / "pipelines" / PIPELINE, pipelines / PIPELINE)
    spec = pipelines / PIPELINE / "pipeline.yaml"
    lines = [line for line in spec.read_text().splitlines() if "versus: champion" not in line]
    at_once = "min_requests: 1, step_timeout: 1s, on_inconclusive: promote"
    spec.write_text("\n".join(lines).replace("min_requests: 200", at_once))
    env = {**os.environ, "AIRLOOP_HOME": str(homes[0]), "PYTHONPATH": str(PROJECT / "include")}
    subprocess.run([sys.executable, "-m", f"pipelines.{PIPELINE}.land"], env=env, check=True, capture_output=True)
    for home in homes[1:]:
        shutil.copytree(homes[0] / "data", home / "data")


@contextmanager
def _airflow(home: Path) -> Iterator[AirflowApi]:
    environ = {
        **os.environ,
        "AIRLOOP_HOME": str(home),
        "AIRLOOP_PIPELINES": str(home.parent / "pipelines"),
        "AIRLOOP_AIRFLOW_PORT": str(ports.any_free()),
        "AIRLOOP_SERVER_PORT": str(ports.any_free()),
    }
    stack = control.up(environ=environ, ends_with=os.getpid())
    try:
        with stack.api() as api:
            api.wait_for_dag(f"{PIPELINE}.train")
            yield api
    finally:
        control.down(home)


@contextmanager
def _server(home: Path) -> Iterator[Workspace]:
    port = ports.any_free()
    environ = {**os.environ, "AIRLOOP_HOME": str(home), "AIRLOOP_PIPELINES": str(home.parent / "pipelines")}
    server = subprocess.Popen(
        [sys.executable, "-m", "airloop.serving", "--port", str(port)], env=environ, stderr=subprocess.DEVNULL
    )
    workspace = replace(Workspace.from_environment(environ), server_url=f"http://127.0.0.1:{port}")
    try:
        with ServerClient(workspace.server_url, read_or_make(home).infer) as client:
            while not client.ready():
                time.sleep(0.1)
        yield workspace
    finally:
        server.terminate()
        server.wait()


def _in_airflow(api: AirflowApi, week: int) -> Seconds:
    dag_id, run_id = f"{PIPELINE}.train", f"bench-{week}"
    began = time.perf_counter()
    api.trigger(dag_id, run_id, {"as_of": clock.iso(FIRST + timedelta(weeks=week))})
    while api.run(dag_id, run_id)["state"] not in ("success", "failed"):
        time.sleep(0.1)
    whole = time.perf_counter() - began
    tasks = api.tasks(dag_id, run_id)
    states = {name: task["state"] for name, task in tasks.items()}
    assert set(states.values()) == {"success"}, f"a step did no work, so there is nothing to compare: {states}"
    return {name: task["duration"] for name, task in tasks.items()} | {"whole": whole}


def _in_process(workspace: Workspace, week: int) -> Seconds:
    seconds: Seconds = {}

    @contextmanager
    def watch(step: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[step] = time.perf_counter() - began

    began = time.perf_counter()
    pipeline = find(PIPELINE, workspace)
    as_of = FIRST + timedelta(weeks=week)
    steps.run_all(workspace, pipeline, as_of=as_of, run_id=f"bench-{week}", watch=watch, report=lambda line: None)
    return seconds | {"whole": time.perf_counter() - began}


def _print(runs: list[tuple[Seconds, Seconds]]) -> None:
    print(f"{PIPELINE}, {len(runs)} runs of each, median seconds and median of the paired ratios")
    print(f"{'':<18}{'Airflow':>9}{'process':>9}{'ratio':>8}")
    for step in runs[0][1]:
        ours = statistics.median(airflow[step] for airflow, _ in runs)
        theirs = statistics.median(process[step] for _, process in runs)
        ratio = statistics.median(airflow[step] / process[step] for airflow, process in runs)
        print(f"{step:<18}{ours:>9.2f}{theirs:>9.2f}{ratio:>8.2f}")


if __name__ == "__main__":
    main()
