"""The demo's rows, landed by a process of its own while Airflow starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airloop.errors import AirloopError
from airloop.laptop import processes
from airloop.workspace import PROJECT, Workspace


class DemoFailed(AirloopError):
    """The demo could not go on."""


@contextmanager
def landing(workspace: Workspace, pipeline: str) -> Iterator[Callable[[], None]]:
    """Land the rows of an example beside what is done meanwhile; give what waits until they are there.

    That raises DemoFailed with the end of the log.
    """
    log = workspace.home / "logs" / "landing.log"
    env = {**os.environ, "PYTHONPATH": str(PROJECT / "include"), "AIRLOOP_HOME": str(workspace.home)}
    process = processes.start([sys.executable, "-m", f"pipelines.{pipeline}.land"], env, log)

    def finish() -> None:
        if process.wait():
            raise DemoFailed(f"the rows could not be landed; last lines of {log}:\n{processes.last_lines(log)}")

    try:
        yield finish
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
