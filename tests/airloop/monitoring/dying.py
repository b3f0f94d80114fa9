"""Runs monitoring that dies by SIGKILL at a chosen moment: ``python dying.py HOME…``, the moment is the folder's name.

One process imports everything and forks once per folder. A folder named ``quiet`` lives on and prints its decision.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airloop import spec, steps
from airloop.workspace import Workspace

WARM = (
    "alembic.command",
    "mlflow.store.tracking.sqlalchemy_store",
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "sklearn.metrics",
    "vl_convert",
    "airloop.monitoring.deciding",
    "airloop.monitoring.drift",
    "airloop.monitoring.freezing",
    "airloop.monitoring.page",
    "airloop.monitoring.performance",
)
"""What steps import when they need it, and every fork would import again."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run(home: Path) -> None:
    """Monitor a week; die when an artifact's first file is opened, before its rename, or after a step."""
    event, _, what = home.name.partition("-")
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(home), "AIRLOOP_PIPELINES": str(home / "pipelines")})

    def audit(name: str, arguments: tuple[Any, ...]) -> None:
        if name == event and f"{os.sep}.scratch{os.sep}{what}-" in str(arguments[0]):
            die()

    @contextmanager
    def watch(step: str) -> Iterator[None]:
        yield
        if (event, what) == ("after", step):
            die()

    sys.addaudithook(audit)
    pipeline = spec.load(workspace.pipelines / "changed" / "parcels")
    as_of, now = datetime(2024, 3, 22, 12, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)
    watched = steps.watch_window(workspace, pipeline, as_of=as_of, run_id="run", now=now, watch=watch)
    claim = steps.claim_retraining(workspace, pipeline, run_id="training")
    if (event, what) == ("after", "claim_retraining"):
        die()
    refs = {name: getattr(ref, "digest", "") for name, ref in watched.refs.items()}
    sys.stdout.write(f"{watched.decision.action} {claim.windows} {refs}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    for module in WARM:
        importlib.import_module(module)
    for folder in sys.argv[1:]:
        child = os.fork()
        if not child:
            run(Path(folder))
            os._exit(0)
        died_of = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if died_of:
            sys.stdout.write(f"{Path(folder).name} {died_of}\n")
            sys.stdout.flush()
