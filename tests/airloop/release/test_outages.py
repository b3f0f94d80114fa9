"""What is lost stops the release, leaves the champion serving, and says what to do."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from airloop.errors import Unreachable
from airloop.release.alias import set_champion
from airloop.release.simulated import Behaviour, SimulatedTarget
from airloop.release.target import State
from airloop.release.waiting import Pace

from .conftest import Bench, Clockwork, workspace_in
from .rigs import LocalRig, released


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

    with pytest.raises(Unreachable, match=r"version 2 .* is committed in the ledger, .* Retry to finish"):
        bench.release(bench.bundle("2"), report=unplug)
    bench.target.is_up = True
    assert bench.serves() == "version 1 with candidate 2 (50 %)"
    assert bench.release(bench.bundle("2")).generation == 2
    assert bench.serves() == "version 2"


class Unplugged(SimulatedTarget):
    """A target that is silent for ``silent_s`` from the moment on at which the champion is put back."""

    def silent_for(self, silent_s: float, clockwork: Clockwork) -> None:
        self.clockwork, self.silent_s, self.until = clockwork, silent_s, None

    def apply(self, pipeline: str, state: State) -> None:
        if state.candidate is None and self.until is None:
            self.until = self.clockwork.seconds + self.silent_s
        self.is_up = self.until is None or self.clockwork.seconds >= self.until
        super().apply(pipeline, state)


@pytest.fixture
def unplugged(bench: Bench) -> Unplugged:
    """The target of ``bench``, on which the candidate will be judged worse."""
    bench.release(bench.bundle("1"))
    target = bench.target = Unplugged(bench.target.folder, behaviours={"2": Behaviour(failure_rate=0.3)})
    return target


def test_a_target_that_is_silent_for_seconds_while_rolling_back_is_waited_for(
    bench: Bench, unplugged: Unplugged
) -> None:
    unplugged.silent_for(30, bench.clockwork)
    ref = bench.release(bench.bundle("2"))
    assert ref.outcome == "ROLLED_BACK"
    assert all("could not be told" not in reason for reason in ref.reasons)
    assert bench.serves() == "version 1"
    assert any(line.startswith("no answer, trying again: simulated target") for line in bench.lines)


def test_a_target_that_stays_silent_while_rolling_back_fails_and_the_next_try_only_puts_back(
    bench: Bench, unplugged: Unplugged
) -> None:
    unplugged.silent_for(90, bench.clockwork)
    bundle = bench.bundle("2")
    told = r"version 2 ended as ROLLED_BACK, but the target could not be told to serve version 1 .* alone again: simul"
    with pytest.raises(Unreachable, match=told) as caught:
        bench.release(bundle)
    assert caught.value.retryable
    bench.clockwork.seconds += 60
    unplugged.is_up = True
    assert bench.serves() == "version 1 with candidate 2 (10 %)"
    (entry,) = bench.workspace.ledger.entries("flights", "rolled_back", subject=bundle.digest)
    again = bench.release(bundle)
    assert (again.outcome, again.reasons[:-1]) == ("ROLLED_BACK", tuple(entry.payload["reasons"]))
    assert (again.evidence, again.reasons[-1]) == (entry.payload["evidence"], "start a new run to try again")
    assert bench.serves() == "version 1"
    assert len(bench.workspace.ledger.entries("flights", "rolled_back")) == 1


def test_a_stopped_rollout_waits_for_a_silent_target_to_take_its_candidate_along(
    bench: Bench, unplugged: Unplugged
) -> None:
    unplugged.silent_for(30, bench.clockwork)
    unplugged.behaviours.clear()

    def stop(line: str) -> None:
        bench.lines.append(line)
        if line.startswith("10 %: 10 of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.release(bench.bundle("2"), report=stop)
    assert bench.lines[-1] == "stopped: the target serves version 1 alone"
    assert bench.serves() == "version 1"


@pytest.mark.slow
def test_a_model_server_that_starts_again_while_rolling_back_is_waited_for(tmp_path: Path) -> None:
    with closing(LocalRig(tmp_path)) as rig:
        pace = Pace(look_every_s=0.1, tell_every_s=0.5)
        rules = {"steps": [50, 100], "min_requests": 1000, "step_timeout": "1s"}
        assert released(rig, rig.bundles[0], rules, pace).outcome == "RELEASED"
        starter, lines = threading.Timer(1, rig.restart), []

        def report(line: str) -> None:
            lines.append(line)
            if line.startswith("50 %: INCONCLUSIVE, rolling back"):
                rig.stop()
                starter.start()

        assert released(rig, rig.bundles[1], rules, pace, report=report).outcome == "ROLLED_BACK"
        starter.join()
        assert any(line.startswith("no answer, trying again: no model server at") for line in lines), lines
        assert rig.send(10) == {"1": 10}


def test_what_was_refused_before_anything_was_touched_says_that_the_target_is_silent(
    bench: Bench, unplugged: Unplugged
) -> None:
    unplugged.silent_for(90, bench.clockwork)
    ref = bench.release(bench.bundle("0", days=-7))
    assert ref.outcome == "REFUSED"
    assert ref.reasons[-1].startswith("the target could not be told to serve version 1 (generation 1")


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
