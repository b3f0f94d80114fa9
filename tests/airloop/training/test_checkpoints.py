"""Checkpoints that another machine finds, through a store that is no folder."""

import logging
import os
import runpy
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from airloop import digest
from airloop.store import Store
from airloop.trainers.checkpoint import Checkpoints
from airloop.training.checkpoints import SharedCheckpoints, checkpoints_in
from airloop.training.identity import model_digest
from airloop.workspace import Workspace

MODEL = "0123456789abcdef" * 4
SLOW = {"rounds": 400, "early_stopping": 400, "params": {"learning_rate": 0.01, "subsample": 0.8}, "replicates": 1}
SCRIPT = Path(__file__).with_name("killed.py")
runpy.run_path(str(SCRIPT))  # bucket://


@pytest.fixture
def bucket() -> str:
    """URL of an empty object store."""
    fsspec.filesystem("memory").store.clear()
    return "memory://bucket/airloop"


def machine(bucket: str, home: Path) -> Checkpoints:
    return checkpoints_in(Store(bucket, cache=home / "cache"), "models", MODEL)


def test_a_folder_is_reached_by_all_who_reach_the_store(tmp_path):
    one, other = (checkpoints_in(Store(str(tmp_path)), "models", MODEL) for _ in range(2))
    assert type(one) is Checkpoints
    one.write("main", b"rounds")
    assert other.read("main") == b"rounds"


def test_another_machine_finds_the_latest(bucket, tmp_path):
    one, other = machine(bucket, tmp_path / "one"), machine(bucket, tmp_path / "other")
    assert other.read("main") is None
    one.write("main", b"7 rounds")
    one.write("main", b"14 rounds!")
    assert other.read("main") == b"14 rounds!"
    assert other.read("replicate-0") is None


def test_of_two_checkpoints_the_one_with_more_rounds_counts(bucket, tmp_path):
    one, other = machine(bucket, tmp_path / "one"), machine(bucket, tmp_path / "other")
    one.write("main", b"seven rounds and more")
    other.write("main", b"seven")
    assert (one.read("main"), other.read("main")) == (b"seven rounds and more", b"seven")


def test_a_store_that_is_silent_for_a_while_costs_the_training_nothing(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    silent = Store(f"bucket://{tmp_path}/file", cache=tmp_path / "cache")
    checkpoints = SharedCheckpoints(silent.work_folder("models", MODEL), silent, "models", MODEL)
    with caplog.at_level(logging.WARNING, "airloop"):
        checkpoints.write("main", b"rounds")
    assert "this checkpoint is on this machine alone: store" in caplog.text
    assert (checkpoints.folder / "main" / "checkpoint.ubj").read_bytes() == b"rounds"


def test_nothing_is_left_after_a_success(bucket, tmp_path):
    store = Store(bucket, cache=tmp_path)
    checkpoints = checkpoints_in(store, "models", MODEL)
    checkpoints.write("main", b"rounds")
    store.drop_work("models", MODEL)
    store.drop_work("models", MODEL)
    assert checkpoints.read("main") is None
    assert not fsspec.filesystem("memory").find("bucket/airloop/.work")
    assert not list(tmp_path.rglob("checkpoint*"))


@pytest.mark.slow
def test_a_training_killed_with_its_machine_goes_on_at_another_to_the_same_bytes(landed, tmp_path, caplog):
    """Two homes with one store that is no folder: the second has nothing of the first but what is in the store."""
    shared = f"bucket://{tmp_path}/shared"
    first, second = (at_store(landed.moved(tmp_path / name), shared) for name in ("first", "second"))
    pipeline = first.pipeline(model=SLOW)
    snapshot = first.at(pipeline)["snapshot_digest"]
    model = model_digest(pipeline, snapshot, "None")
    spec = pipeline.spec.model_dump_json(exclude_unset=True)
    fitting = subprocess.Popen(
        [sys.executable, SCRIPT, spec, first.folder, snapshot, model],
        env={**os.environ, "PYTHONPATH": "include", "AIRLOOP_HOME": str(first.workspace.home), "AIRLOOP_STORE": shared},
    )
    kept = tmp_path / "shared" / ".work" / "models" / model / "main" / "checkpoint.ubj"
    while not kept.exists():
        assert fitting.poll() is None
        time.sleep(0.005)
    fitting.kill()
    fitting.wait()
    assert not list((tmp_path / "shared").glob("models/*"))
    with caplog.at_level(logging.INFO, "airloop"):
        resumed = second.fit(second.pipeline(model=SLOW))
    (said,) = [line for line in caplog.messages if line.startswith("going on after round ")]
    assert said.endswith(f"from the checkpoint in {shared}/.work/models/{model}/main/checkpoint.ubj")
    assert digest.of_folder(resumed) == digest.of_folder(landed.fit(landed.pipeline(model=SLOW)))
    assert not list((tmp_path / "shared" / ".work").rglob("checkpoint*"))


def at_store(world, url):
    home = world.workspace.home
    return replace(world, workspace=Workspace.from_environment({"AIRLOOP_HOME": str(home), "AIRLOOP_STORE": url}))
