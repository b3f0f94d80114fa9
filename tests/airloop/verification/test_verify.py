"""Verification against the real server; each bundle that must not ship is refused with its reason."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from airloop.errors import BundleError
from airloop.features.schema import Schema
from airloop.verification import verify
from airloop.verification.process import running_server
from airloop.verification.prove import prove


def servers() -> list[psutil.Process]:
    """Return server processes that descend from this one."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "airloop.serving" in process.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def test_a_right_bundle_passes_and_is_not_verified_twice(kit, workspace, pipeline):
    bundle = kit.write_bundle(workspace.store, proved=False)
    limits = pipeline({"latency_p99_ms": 5_000, "bundle_mb": 5})
    name, result = verify(workspace, limits, bundle.digest)
    assert (result.passed, result.reasons) == (True, ())
    assert result.largest_difference == 0.0
    assert result.ways == "arrays, forest"
    assert 0 < result.latency_p50_ms <= result.latency_p99_ms
    assert 0 < result.bundle_mb < 1
    assert result.memory_mb > 10
    assert result.start_s > 0
    assert servers() == []
    assert verify(workspace, limits, bundle.digest) == (name, result), "measured anew, its times would differ"


def test_an_altered_byte_is_refused_before_anything_starts(kit, workspace, pipeline):
    bundle = kit.write_bundle(workspace.store)
    path = bundle.folder / "model" / "model.ubj"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"was changed: altered model/model\.ubj"):
        verify(workspace, pipeline(), bundle.digest)


def test_a_wrong_golden_answer_is_refused(kit, workspace, pipeline):
    bundle = kit.write_bundle(workspace.store, expected=[0.1] * 5)
    _, result = verify(workspace, pipeline(), bundle.digest)
    assert not result.passed
    assert "answers golden row" in result.reasons[0]
    assert "expected 0.1" in result.reasons[0]
    assert servers() == []


@pytest.mark.slow
def test_a_bundle_that_is_too_slow_or_too_big_is_refused(kit, workspace, pipeline):
    bundle = kit.write_bundle(workspace.store)
    first, result = verify(workspace, pipeline({"latency_p99_ms": 0.001, "bundle_mb": 0.001}), bundle.digest)
    assert not result.passed
    slow, big = result.reasons
    assert slow.startswith("p99 latency ") and slow.endswith(" ms is above 0.001 ms")
    assert big.startswith("bundle ") and big.endswith(" MB is above 0.001 MB")
    second, _ = verify(workspace, pipeline({"latency_p99_ms": 0.001, "bundle_mb": 0.001}), bundle.digest)
    assert first != second  # measured anew


def test_a_server_that_dies_at_its_start_is_a_reason(kit, workspace, tmp_path):
    bundle = kit.write_bundle(workspace.store)
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no module named numpy' >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(BundleError, match=r"died at its start \(exit code 3\): no module named numpy"):
        with running_server(workspace, bundle, python=str(broken)):
            pass


@pytest.mark.slow
def test_feature_code_whose_rows_depend_on_each_other_is_refused(kit, workspace, pipeline):
    source = (
        "def build(frame):\n"
        "    frame = frame[['distance', 'carrier', 'stops', 'direct']].copy()\n"
        "    frame['distance'] = frame['distance'].fillna(frame['stops'].sum() - 3.0)\n"
        "    return frame\n"
    )
    hooks = kit.SavedHooks("features.py:build")
    bundle = kit.write_bundle(workspace.store, sources={"features.py": source}, hooks=hooks, rounds=20)
    _, result = verify(workspace, pipeline(), bundle.digest)
    assert not result.passed
    assert "together with the other rows it was" in result.reasons[0]


@pytest.mark.slow
def test_arrays_that_are_not_equal_are_not_taken(kit, workspace, pipeline):
    source = (
        "NAMES = ['distance', 'carrier', 'stops', 'direct']\n"
        "def build(frame):\n    return frame[NAMES]\n"
        "def arrays(columns):\n"
        "    return {name: columns[name] for name in NAMES} | {'distance': columns['distance'] + 1}\n"
    )
    hooks = kit.SavedHooks("features.py:build", arrays="features.py:arrays")
    shown = prove(kit.write_bundle(workspace.store, sources={"features.py": source}, hooks=hooks, proved=False))
    assert (shown.arrays, shown.forest) == (False, True)
    assert shown.reason == "features on arrays: 'distance' is 101.5 instead of 100.5 in row 0"


def test_a_forest_that_is_not_the_trainer_s_model_is_not_taken(kit, workspace, monkeypatch, tmp_path):
    (tmp_path / "half.py").write_text(
        "from airloop.trainers.boosting import XGBoostModel, XGBoostTrainer\n"
        "class Model(XGBoostModel):\n"
        "    def predict(self, matrix):\n        return super().predict(matrix) / 2\n"
        "class Trainer(XGBoostTrainer):\n"
        "    def load(self, folder, threads=1):\n        return Model(super().load(folder, threads).booster)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    shown = prove(kit.write_bundle(workspace.store, trainer="half.Trainer", proved=False))
    assert (shown.arrays, shown.forest) == (True, False)
    assert shown.reason.startswith("forest: answers differ by 0.")


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_pass(kit, workspace, pipeline, task):
    classes = ("a", "b", "c") if task == "multiclass" else ()
    schema = Schema(kit.SCHEMA.inputs, kit.SCHEMA.features, task, classes)
    bundle = kit.write_bundle(workspace.store, schema=schema, proved=False)
    _, result = verify(workspace, pipeline(), bundle.digest)
    assert (result.passed, result.reasons, result.ways) == (True, (), "arrays, forest")


@pytest.mark.slow
def test_the_server_is_gone_when_its_parent_is_killed(kit, workspace, tmp_path):
    bundle = kit.write_bundle(workspace.store)
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from airloop.bundle import open_bundle\n"
        "from airloop.verification.process import running_server\n"
        "from airloop.workspace import Workspace\n"
        "workspace = Workspace.from_environment()\n"
        f"with running_server(workspace, open_bundle(workspace, {bundle.digest!r})) as server:\n"
        f"    Path({str(tmp_path / 'pid')!r}).write_text(str(server.pid))\n"
        "    time.sleep(60)\n"
    )
    env = os.environ | {"AIRLOOP_HOME": str(workspace.home), "PYTHONPATH": "include"}
    parent = subprocess.Popen([sys.executable, "-c", script], env=env, cwd=Path(__file__).parents[3])
    try:
        server = psutil.Process(int(_awaited(tmp_path / "pid")))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    server.wait(10)
    assert not server.is_running()


def _awaited(path: Path) -> str:
    for _ in range(400):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")
