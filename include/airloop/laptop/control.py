"""Start and stop the stack from any shell."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from airloop.laptop import ending, processes, settings, state, supervisor
from airloop.laptop.airflow_api import AirflowApi
from airloop.laptop.processes import StackFailed
from airloop.workspace import Workspace


@dataclass(frozen=True)
class Stack:
    """A running stack: where it answers and how to get in."""

    home: Path
    airflow_url: str
    server_url: str
    user: str
    password: str
    was_running: bool = False
    shown_airflow: str = ""
    """Where a browser finds Airflow, if that is not ``airflow_url``."""

    def api(self) -> AirflowApi:
        """Return a client of its Airflow, logged in at the first request."""
        return AirflowApi(self.airflow_url, self.user, self.password, shown_url=self.shown_airflow)


def up(
    *,
    environ: Mapping[str, str] | None = None,
    report: Callable[[str], None] = lambda what: None,
    ends_with: int | None = None,
) -> Stack:
    """Start Airflow and the model server, or find them running, and return when they answer.

    ``report`` is told what is being done. With ``ends_with`` the stack ends when the process of that id does.
    Raises PortTaken, and StackFailed with the end of the log of the part that failed; then nothing is left running.
    """
    env = dict(os.environ if environ is None else environ)
    home = Workspace.from_environment(env).home
    while True:
        found = _running(home, report) if state.is_held(home) else _started(home, env, report, ends_with)
        if found is not None:
            return found


def _started(home: Path, env: Mapping[str, str], report: Callable[[str], None], ends_with: int | None) -> Stack | None:
    """Start the stack and return it when it answers; None where another shell was quicker."""
    with state.only_one(home) as free:
        if not free:
            return None
        ending.end_leftovers(home, report)
        settings.prepare(env)  # A wrong port is told here, in the terminal, and not in the supervisor's log.
    mark = uuid.uuid4().hex
    child_env = {**env, "AIRLOOP_HOME": str(home), "AIRLOOP_PARENT": str(ends_with or ""), processes.MARK: mark}
    child_env["PYTHONPATH"] = os.pathsep.join(sys.path)
    child_env.pop("PYTHONDONTWRITEBYTECODE", None)
    log = home / "logs" / "supervisor.log"
    watcher = processes.detach([sys.executable, "-m", "airloop.laptop"], child_env, log)
    try:
        return _stack(home) if _is_ready(home, watcher, mark, report) else None
    except BaseException:
        # Ctrl-C as well: whatever was started so far ends.
        ending.end(home, mark, watcher)
        raise


def elsewhere(environ: Mapping[str, str]) -> Stack | None:
    """Return the stack that ``AIRLOOP_AIRFLOW`` names, which something else runs; None where it names none."""
    if not (url := environ.get("AIRLOOP_AIRFLOW")):
        return None
    return Stack(
        home=Workspace.from_environment(environ).home,
        airflow_url=url,
        server_url=environ.get("AIRLOOP_SHOWN_GATEWAY", ""),
        user="admin",
        password=environ.get("AIRLOOP_AIRFLOW_PASSWORD", ""),
        was_running=True,
        shown_airflow=environ.get("AIRLOOP_SHOWN_AIRFLOW", ""),
    )


def down(home: Path) -> bool:
    """End the stack that runs from ``home``; return whether there was anything to end."""
    known = state.read(home)
    if known is None:
        return False
    left = processes.marked(known.mark)
    if not left:
        return False
    ending.end(home, known.mark, None)
    return True


def _running(home: Path, report: Callable[[str], None]) -> Stack | None:
    """Return the stack that another shell started, once it is ready; None where there is none any more.

    Raises StackFailed where that start fails, or somebody ends it: what `make down` ends is not started again here.
    """
    report("a stack runs already, or starts in another shell")
    was_starting = False
    while state.is_held(home):
        known = state.read(home)
        # What an earlier stack told is not about the one that starts.
        if known is not None and ending.supervisor_of(known) is not None:
            if known.phase == "ready":
                return _stack(home, was_running=True)
            if known.phase == "failed":
                raise StackFailed(known.error)
            was_starting |= known.phase == "starting"
        time.sleep(0.5)
    if was_starting:
        raise StackFailed("the stack that another shell started was ended before it was ready")
    return None


def _is_ready(home: Path, watcher: psutil.Process, mark: str, report: Callable[[str], None]) -> bool:
    """Wait for the stack and return True; False where another supervisor was quicker. Raises StackFailed."""
    told = ""
    while True:
        known = state.read(home)
        known = known if known and known.mark == mark else None
        if known and known.doing and known.doing != told:
            told = known.doing
            report(told)
        if known and known.phase == "ready":
            return True
        if known and known.phase == "failed":
            raise StackFailed(known.error)
        if not processes.lives(watcher):
            if watcher.wait() == supervisor.ALREADY_RUNNING:
                return False
            log = home / "logs" / "supervisor.log"
            raise StackFailed(f"the stack ended while it started:\n{processes.last_lines(log)}")
        time.sleep(0.1)


def _stack(home: Path, *, was_running: bool = False) -> Stack:
    known = state.read(home)
    if known is None or known.phase != "ready" or not state.is_held(home):
        raise StackFailed(f"the stack in {home} is {known.phase if known else 'gone'}; try `make down`, then again")
    password = json.loads(Path(known.password_file).read_text(encoding="utf-8"))[known.user]
    return Stack(home, known.airflow_url, known.server_url, known.user, password, was_running)


def supervise() -> int:
    """Be the supervisor of the stack in ``AIRLOOP_HOME``; return an exit code."""
    parent = os.environ.get("AIRLOOP_PARENT")
    with state.only_one(Workspace.from_environment().home) as free:
        if not free:
            return supervisor.ALREADY_RUNNING
        chosen = settings.prepare()
        watched = psutil.Process(int(parent)) if parent else None
        return supervisor.Supervisor(chosen, os.environ[processes.MARK], watched).run()
