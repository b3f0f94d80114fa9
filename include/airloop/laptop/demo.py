"""``make demo``: real flight data to a model that answers over HTTP, by way of Airflow."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airloop.errors import AirloopError
from airloop.laptop import control, processes
from airloop.laptop.airflow_api import AirflowApi
from airloop.laptop.control import Stack
from airloop.laptop.follow import follow
from airloop.laptop.stack import out, say, tell_where
from airloop.serving.tokens import INFER_VARIABLE, read_or_make
from airloop.workspace import PROJECT, Workspace

PIPELINE = "flight_delays"
AS_OF = "2013-03-18T00:00:00Z"


class DemoFailed(AirloopError):
    """The demo could not go on."""


def run() -> None:
    """Show the whole way, then stay up at a terminal until Ctrl-C; elsewhere stop all that was started.

    Raises DemoFailed, RunFailed, StackFailed or PortTaken; then, too, nothing is left running.
    """
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    workspace = Workspace.from_environment()
    landing = _start_landing(workspace)
    try:
        with _stack() as running, running.api() as api:
            _finish_landing(workspace, landing)
            run_id = _train(api)
            _tell_result(workspace, running, api, run_id)
            say(f"{time.monotonic() - began:.0f} s from nothing to here")
            if sys.stdin.isatty() and out.is_terminal and not os.environ.get("CI"):
                _stay_up(running)
    finally:
        if landing.poll() is None:
            landing.terminate()
            landing.wait()


@contextmanager
def _stack() -> Iterator[Stack]:
    """Give a running stack; one that this demo started is ended with it, whatever happens."""
    running = control.up(report=say, ends_with=os.getpid())
    try:
        yield running
    finally:
        if not running.was_running:
            # A second Ctrl-C must not keep the first one from ending everything.
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            say("stopping Airflow and the model server")
            control.down(running.home)
            signal.signal(signal.SIGINT, before)


def _start_landing(workspace: Workspace) -> subprocess.Popen[bytes]:
    say(f"landing the flights of 2013 in {workspace.home / 'data'}")
    env = {**os.environ, "PYTHONPATH": str(PROJECT / "include"), "AIRLOOP_HOME": str(workspace.home)}
    return processes.start([sys.executable, "-m", f"pipelines.{PIPELINE}.land"], env, _landing_log(workspace))


def _finish_landing(workspace: Workspace, landing: subprocess.Popen[bytes]) -> None:
    if landing.wait():
        log = _landing_log(workspace)
        raise DemoFailed(f"the flights could not be landed; last lines of {log}:\n{processes.last_lines(log)}")


def _landing_log(workspace: Workspace) -> Path:
    return workspace.home / "logs" / "landing.log"


def _train(api: AirflowApi) -> str:
    """Trigger the training as a person would, follow it to its end and return the run's id."""
    dag_id = f"{PIPELINE}.train"
    api.wait_for_dag(dag_id)
    run_id = f"demo__{time.strftime('%Y-%m-%dT%H:%M:%S')}"
    say(f"training as of {AS_OF}: {api.url}/dags/{dag_id}/runs/{run_id}")
    api.trigger(dag_id, run_id, {"as_of": AS_OF, "why": "make demo"})
    follow(api, dag_id, run_id, out)
    return run_id


def _tell_result(workspace: Workspace, running: Stack, api: AirflowApi, run_id: str) -> None:
    """Print what came out, and what to try next."""
    dag_id = f"{PIPELINE}.train"
    verdict = api.result(dag_id, run_id, "judge_candidate")
    model = api.result(dag_id, run_id, "train_model")
    out.print()
    out.print(f"  [b]{verdict['outcome']}[/]  {PIPELINE} version [b]{model['version']}[/]")
    for reason in verdict["reasons"]:
        out.print(f"    {reason}", markup=False)
    out.print(f"  report        {verdict['report']}")
    tell_where(running)
    champion = workspace.ledger.live(PIPELINE, "local")
    if champion is None:
        out.print("  Nothing was released, and nothing was live before.")
        return
    out.print(f"  live          version {champion.version}, data up to {champion.data_cut_off:%Y-%m-%d}")
    _tell_endpoint(workspace, running, champion.bundle)


def _tell_endpoint(workspace: Workspace, running: Stack, bundle: str) -> None:
    """Print a request that works when pasted, and what the model answers to it."""
    from airloop.serving.client import ServerClient

    row = _golden_row(workspace, bundle)
    with ServerClient(running.server_url, read_or_make(workspace.home).infer) as client:
        inputs = [
            {"name": each["name"], "datatype": each["datatype"], "shape": [1], "data": [row[each["name"]]]}
            for each in client.metadata(PIPELINE)["inputs"]
        ]
        answer = client.infer(PIPELINE, row)
    request = workspace.home / "example_request.json"
    request.write_text(json.dumps({"inputs": inputs}, indent=1), encoding="utf-8")
    url = f"{running.server_url}/v2/models/{PIPELINE}/infer"
    out.print(f"  endpoint      {url}")
    out.print(f"  its answer    {json.dumps(answer['outputs'])}", markup=False)
    out.print("  ask it yourself:\n")
    out.print(_curl(workspace, url, request), markup=False)


def _golden_row(workspace: Workspace, digest: str) -> dict[str, Any]:
    """Return the first row that the bundle was verified with."""
    from airloop.bundle import open_bundle

    return {name: values[0] for name, values in open_bundle(workspace, digest).golden.inputs.items()}


def _curl(workspace: Workspace, url: str, request: Path) -> str:
    """Return the command that sends ``request``; the token is read when it runs and shows nowhere."""
    file = shlex.quote(str(workspace.home / "secrets" / "infer.token"))
    token = f"${INFER_VARIABLE}" if os.environ.get(INFER_VARIABLE) else f"$(cat {file})"
    return f'curl -s -H "Authorization: Bearer {token}" -d @{shlex.quote(str(request))} {url}'


def _stay_up(running: Stack) -> None:
    out.print(f"\n  Roll back in Airflow: {running.airflow_url}/dags/{PIPELINE}.rollback")
    out.print("  All of it stays up until [b]Ctrl-C[/].")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        out.print()
