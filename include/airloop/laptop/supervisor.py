"""The process that owns a running stack: starts its parts in the order that works, restarts one that dies, ends all.

It runs detached from any terminal. SIGTERM ends it and everything that it started; so does the end of the process whose
id is in ``AIRLOOP_PARENT`` (a demo or a test that was killed leaves nothing running).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from airloop.laptop import processes, state
from airloop.laptop.processes import StackFailed
from airloop.laptop.settings import Settings

ALREADY_RUNNING = 3
"""Exit code where another supervisor holds this stack."""
PATIENCE_S = 15.0
"""How long parts may take to end by themselves; a scheduler waits for its tasks."""
STEADY_S = 60.0
"""A part that lived longer than this was well, and its past ends are forgotten."""
LONGEST_PAUSE_S = 30.0
START_LIMIT_S = 240.0
"""How long one part may take to answer on a slow, busy machine."""

PYTHON = sys.executable
MLFLOW = "import mlflow, sys; mlflow.MlflowClient(sys.argv[1]).search_experiments(max_results=1)"
LEDGER = "from airloop.workspace import Workspace; Workspace.from_environment().ledger.entries('-', limit=1)"


class Stopped(Exception):
    """The supervisor was asked to end."""


@dataclass
class Part:
    """One process that has to be up, and how it fared."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes]
    started: float
    deaths: int = 0
    due: float | None = None

    def is_due(self, now: float) -> bool:
        """Return whether a part that ended is to be started again: at once, and later each time it soon ends again."""
        if self.due is None:
            self.deaths = 1 if now - self.started > STEADY_S else self.deaths + 1
            # The exponent is bounded: a part that ends all night would make a number that no float holds.
            self.due = now + min(2.0 ** min(self.deaths, 10) - 2, LONGEST_PAUSE_S)
        return now >= self.due


class Supervisor:
    """Starts, watches and ends the parts of one stack."""

    def __init__(self, settings: Settings, mark: str, parent: psutil.Process | None) -> None:
        self._settings = settings
        self._mark = mark
        self._parent = parent
        self._env = {**settings.environment, processes.MARK: mark}
        self._parts: dict[str, Part] = {}
        self._preparing: list[subprocess.Popen[bytes]] = []
        self._asked_to_stop = False
        self._state = state.State(
            mark=mark,
            pid=os.getpid(),
            airflow_url=settings.airflow_url,
            server_url=settings.server_url,
            user=settings.user,
            password_file=settings.environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"],
        )

    def run(self) -> int:
        """Own the stack until asked to stop; return an exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        code = 0
        address = self._settings.home / "run" / "server.url"
        try:
            address.parent.mkdir(parents=True, exist_ok=True)
            # Other shells find the server here where its port is not the usual one.
            address.write_text(self._settings.server_url, encoding="utf-8")
            self._start_all()
            self._tell("ready")
            self._watch()
        except Stopped:
            pass
        except (StackFailed, OSError) as error:
            code = 1
            self._tell_if_possible("failed", error=str(error))
        except Exception as error:
            code = 1
            self._tell_if_possible("failed", error=f"{type(error).__name__}: {error}")
            raise
        finally:
            self._end_all(code)
            address.unlink(missing_ok=True)
        return code

    def _on_signal(self, number: int, frame: object) -> None:
        self._asked_to_stop = True

    def _tell(self, phase: state.Phase, **more: str) -> None:
        self._state = self._state.write(self._settings.home, phase=phase, **{"doing": "", **more})

    def _tell_if_possible(self, phase: state.Phase, **more: str) -> None:
        """Tell it, unless the disk is full: what was started must end all the same."""
        with suppress(OSError):
            self._tell(phase, **more)

    def _start_all(self) -> None:
        """Start the parts, both cores busy, and return when all answer.

        The scheduler imports what tasks need and then waits for the web server's first answer to the execution API
        (see ``airloop_airflow.warm_workers``): a task that found no web server would be lost.

        What people ask of Airflow and what its tasks ask of it are answered by a process each. In one process, an act
        waits on the server's event loop for SQLite's lock while a task's request holds the lock and waits for that
        loop: nothing moves until the lock's time-out.
        """
        url = self._settings.airflow_url
        self._doing("preparing the databases")
        self._prepare_databases()
        self._doing("starting Airflow and the model server")
        self._start("api-server", self._airflow("api-server", "--apps", "core"))
        port = str(self._settings.execution_port)
        self._start("execution-api", self._airflow("api-server", "--apps", "execution", "--port", port))
        self._start("scheduler", self._airflow("scheduler"))
        self._start("dag-processor", self._airflow("dag-processor"))
        port = str(self._settings.server_port)
        self._start("model-server", [PYTHON, "-m", "airloop.serving", "--port", port])
        self._until("api-server", lambda: _answers(f"{url}/api/v2/version"))
        self._until("execution-api", lambda: _answers(f"{self._settings.execution_url}health"))
        self._start("triggerer", self._airflow("triggerer"))
        self._doing("waiting for Airflow's scheduler")
        self._until("scheduler", lambda: _all_healthy(f"{url}/api/v2/monitor/health"))
        self._until("model-server", lambda: _answers(f"{self._settings.server_url}/v2/health/live"))

    def _prepare_databases(self) -> None:
        """Make Airflow's, MLflow's and the ledger's tables, each once: several processes at it at once would fail."""
        jobs = {
            "airflow-db": self._airflow("db", "migrate"),
            "mlflow-db": [PYTHON, "-c", MLFLOW, self._env["AIRLOOP_MLFLOW"]],
            "ledger-db": [PYTHON, "-c", LEDGER],
        }
        self._settings.home.mkdir(parents=True, exist_ok=True)
        for name, command in jobs.items():
            self._preparing.append(processes.start(command, self._env, self._log(name)))
        for name, process in zip(jobs, self._preparing, strict=True):
            while process.poll() is None:
                self._pause()
            if process.returncode:
                raise StackFailed(self._why(name, process.returncode))

    def _airflow(self, *words: str) -> list[str]:
        return [PYTHON, "-m", "airflow", *words]

    def _start(self, name: str, command: list[str]) -> None:
        self._parts[name] = Part(name, command, self._launch(name, command), time.monotonic())

    def _launch(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        # What the scheduler has imported is there in every task: workers and tasks are forks of it.
        extra = {"AIRLOOP_WARM_WORKERS": "1"} if name == "scheduler" else {}
        return processes.start(command, self._env | extra, self._log(name))

    def _until(self, name: str, is_ready: Callable[[], bool]) -> None:
        """Wait until ``is_ready``. Raises StackFailed when a part dies or the limit has passed."""
        deadline = time.monotonic() + START_LIMIT_S
        while not is_ready():
            for part in self._parts.values():
                if part.process.poll() is not None:
                    raise StackFailed(self._why(part.name, part.process.returncode))
            if time.monotonic() > deadline:
                raise StackFailed(
                    f"{name} did not answer within {START_LIMIT_S:.0f} s; last lines of "
                    f"{self._log(name)}:\n{processes.last_lines(self._log(name))}"
                )
            self._pause()

    def _watch(self) -> None:
        """Start a part again that ended by itself."""
        while True:
            self._pause(0.5)
            for part in self._parts.values():
                if part.process.poll() is not None and part.is_due(time.monotonic()):
                    self._revive(part)

    def _revive(self, part: Part) -> None:
        with self._log(part.name).open("a", encoding="utf-8") as log:
            log.write(f"-- ended with code {part.process.returncode}; started again\n")
        part.process = self._launch(part.name, part.command)
        part.started, part.due = time.monotonic(), None

    def _end_all(self, code: int) -> None:
        if not code:
            self._tell_if_possible("stopping")
        started = [part.process for part in self._parts.values()] + self._preparing
        asked = [psutil.Process(process.pid) for process in started if process.poll() is None]
        processes.end(asked, self._mark, patience_s=PATIENCE_S)
        for process in started:
            process.wait()
        if not code:
            self._tell_if_possible("stopped")

    def _pause(self, seconds: float = 0.2) -> None:
        """Sleep a little. Raises Stopped where it is time to end."""
        if self._asked_to_stop or (self._parent is not None and not processes.lives(self._parent)):
            raise Stopped
        time.sleep(seconds)

    def _doing(self, what: str) -> None:
        self._tell("starting", doing=what)

    def _log(self, name: str) -> Path:
        return self._settings.home / "logs" / f"{name}.log"

    def _why(self, name: str, code: int | None) -> str:
        log = self._log(name)
        return f"{name} ended with code {code}; last lines of {log}:\n{processes.last_lines(log)}"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=60, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _all_healthy(url: str) -> bool:
    try:
        health: dict[str, Any] = httpx.get(url, timeout=60, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return False
    return all(
        (health.get(part) or {}).get("status") == "healthy" for part in ("scheduler", "dag_processor", "triggerer")
    )
