"""What is lost stops the release, leaves the champion serving, and says what to do."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from airloop.errors import Unreachable
from airloop.release.alias import set_champion
from airloop.release.simulated import SimulatedTarget
from airloop.release.target import State

from .conftest import Bench, workspace_in


def test_a_ledger_that_is_lost_in_a_canary_leaves_the_champion_alone_on_the_target(tmp_path: Path) -> None:
    ledger = f"sqlite:///{tmp_path}/ledger.db?timeout=0.05"
    bench = Bench(workspace_in(tmp_path, AIRLOOP_LEDGER=ledger), SimulatedTarget(tmp_path / "target"))
    bench.release(bench.bundle("1"))
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)

    def lock(line: str) -> None:
        bench.lines.append(line)
        if line.startswith("10 %: 10 of"):
            other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Unreachable, match=r"database is locked: another process has held it for too long; retry"):
        bench.release(bench.bundle("2"), report=lock)
    assert bench.serves() == "version 1"
    other.close()
    assert bench.release(bench.bundle("2")).outcome == "RELEASED"


def test_a_target_that_dies_after_the_commit_keeps_the_commit_and_a_retry_finishes(bench: Bench) -> None:
    bench.release(bench.bundle("1"))

    def unplug(line: str) -> None:
        if line.startswith("committed"):
            bench.target.is_up = False

    with pytest.raises(Unreachable, match=r"version 2 .* is committed in the ledger, .* retry to finish"):
        bench.release(bench.bundle("2"), report=unplug)
    bench.target.is_up = True
    assert bench.serves() == "version 1 with candidate 2 (50 %)"
    assert bench.release(bench.bundle("2")).generation == 2
    assert bench.serves() == "version 2"


def test_a_target_that_dies_while_a_roll_back_is_judged_still_gives_the_outcome(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.rollout = {"step_timeout": "3s"}
    bench.target.traffic = 0

    class Unplugged(SimulatedTarget):
        def apply(self, pipeline: str, state: State) -> None:
            if state.candidate is None:
                self.is_up = False
            super().apply(pipeline, state)

    bench.target = Unplugged(bench.target.folder, traffic=0)
    ref = bench.release(bench.bundle("2"))
    assert ref.outcome == "ROLLED_BACK"
    assert ref.reasons[-1].startswith("the target could not be told to serve version 1 alone again (simulated target")


@pytest.mark.skipif(os.getuid() == 0, reason="root may read and write everything")
def test_a_store_that_cannot_be_read_stops_before_anything_is_touched(bench: Bench) -> None:
    bundle = bench.bundle("1")
    store = Path(bench.workspace.store_url) / "bundles"
    store.chmod(0)
    try:
        with pytest.raises(Unreachable, match="Check AIRLOOP_STORE"):
            bench.release(bundle)
    finally:
        store.chmod(0o755)


def test_an_alias_that_cannot_be_set_never_undoes_a_release(bench: Bench) -> None:
    ref = bench.release(bench.bundle("1"))
    assert ref.outcome == "RELEASED"
    assert ref.reasons[-1].startswith("the MLflow alias 'champion' was not set to version 1: ")
    (entry,) = bench.workspace.ledger.entries("flights", "alias_failed")
    assert entry.payload["problem"] == ref.reasons[-1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_alias_points_at_the_champion(tmp_path: Path) -> None:
    """Slow: MLflow takes seconds to import."""
    from mlflow import MlflowClient

    workspace = workspace_in(tmp_path)
    client = MlflowClient(tracking_uri=workspace.mlflow_url, registry_uri=workspace.mlflow_url)
    client.create_registered_model("flights")
    for _ in range(2):
        client.create_model_version("flights", str(tmp_path))
    assert set_champion(workspace, "flights", "2") == ""
    assert str(client.get_model_version_by_alias("flights", "champion").version) == "2"
    assert "was not set to version 9: " in set_champion(workspace, "flights", "9")
    assert "was not set to version 1: " in set_champion(workspace, "churn", "1")
