"""kill -9 at every moment of monitoring, then a retry: nothing half-written, one decision, the same digests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airloop.store import MANIFEST, Store

from .conftest import Desk, workspace_at
from .test_watching import STEPS, answered, eager

__all__ = ["answered"]

KINDS = ("windows", "drifts", "performances", "reports", "decisions")
MOMENTS = ["open-windows", "open-reports", *(f"os.rename-{kind}" for kind in KINDS)]
MOMENTS += [f"after-{step}" for step in (*STEPS, "claim_retraining")]


def monitor(homes: list[Path]) -> list[str]:
    """Run monitoring in each home, one after the other; return what it printed or died of."""
    command = [sys.executable, Path(__file__).with_name("dying.py"), *homes]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_monitoring_and_its_retry_make_one_decision(answered: Desk, tmp_path: Path) -> None:
    eager(answered)
    homes = [tmp_path / "dying" / moment for moment in MOMENTS]
    quiet = tmp_path / "dying" / "quiet"
    for home in (*homes, quiet):
        shutil.copytree(answered.workspace.home, home)
    assert monitor(homes) == [f"{moment} {-signal.SIGKILL}" for moment in MOMENTS]
    for home in homes:
        assert_whole(home)
    retried = [home.rename(tmp_path / f"again {number}") for number, home in enumerate(homes)]
    (expected,) = monitor([quiet])
    assert expected.startswith("RETRAIN ('2024-03-15T00:00:00Z/2024-03-22T00:00:00Z',) ")
    assert monitor(retried) == [expected] * len(MOMENTS)
    for home in retried:
        ledger = workspace_at(home).ledger
        counts = {
            kind: len(ledger.entries("parcels", kind)) for kind in ("drift", "performance", "decision", "retraining")
        }
        assert counts == {"drift": 1, "performance": 1, "decision": 1, "retraining": 1}, home


def assert_whole(home: Path) -> None:
    """Every artifact that can be seen is complete, with the bytes that were written."""
    store = Store(str(home / "store"))
    for artifact in (home / "store").glob("[!.]*/*"):
        if artifact.parent.name != "predictions":
            assert (artifact / MANIFEST).exists(), artifact
            assert store.altered_files(artifact.parent.name, artifact.name) == []
