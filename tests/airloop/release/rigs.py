"""Targets on a test bench: what the conformance suite needs to know of each of them, beside the target itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import httpx
import msgspec
import numpy as np
import xgboost

from airloop.features.schema import Feature, Input, Schema
from airloop.refs import BundleRef, ReleaseRef
from airloop.release import release
from airloop.release.local import LocalTarget
from airloop.release.simulated import SimulatedTarget
from airloop.release.target import Placed, Target
from airloop.release.waiting import Pace
from airloop.scoring import SavedHooks
from airloop.serving import proof
from airloop.serving.tokens import read_or_make
from airloop.spec import Pipeline
from airloop.workspace import Workspace

from .conftest import MARCH, PASSED, PROMOTED, keep_bundle, pipeline_with, put_bundle, workspace_in

MISSING = Placed("0" * 64, "9")
HOOKS = SavedHooks("features.py:build", ("x",), "features.py:arrays")
FAILING = b"""
class Broken:
    def __init__(self, rows):
        self.shape = (rows,)

    @property
    def dtype(self):
        raise RuntimeError("out of order")


def build(frame):
    return frame


def arrays(columns):
    return {"x": Broken(len(columns["x"]))} if (columns["x"] > 1).any() else columns
"""
GIVING_UP = b"""
def build(frame):
    return frame


def arrays(columns):
    if (columns["x"] > 0.3).any():
        raise ValueError("never seen before")
    return columns
"""


class Rig(Protocol):
    """A target with three whole bundles of a pipeline ``flights``, and hands to send requests and pull plugs."""

    workspace: Workspace
    target: Target
    bundles: tuple[BundleRef, BundleRef, BundleRef]
    missing: Placed
    """A version that the target has no means to serve."""
    mirrors: bool
    """Whether the target copies requests to a shadow."""

    def opened_anew(self) -> Target:
        """Return the same target as another process finds it."""

    def send(self, requests: int) -> Counter[str]:
        """Send requests and count the versions that answered; raises when one is not answered well."""

    def restart(self) -> None:
        """Stop the target without warning and start it anew; return when it answers."""

    def stop(self) -> None:
        """Stop the target without warning."""

    def close(self) -> None:
        """Give everything back."""


def released(
    rig: Rig,
    bundle: BundleRef,
    rules: Mapping[str, Any] | Pipeline,
    pace: Pace,
    *,
    report: Callable[[str], None] = print,
    run_id: str = "",
    target: Target | None = None,
) -> ReleaseRef:
    """Release ``bundle`` as a task does, promoted and verified, by the rollout's ``rules``."""
    return release(
        rig.workspace,
        rules if isinstance(rules, Pipeline) else pipeline_with(rig.workspace.pipelines, **rules),
        bundle=bundle,
        verdict=PROMOTED,
        verification=PASSED.model_copy(update={"image": bundle.image}),
        run_id=run_id or f"run-{bundle.version}",
        report=report,
        target=target or rig.target,
        pace=pace,
    )


@dataclass
class SimulatedRig:
    """A simulated target; its bundles are in no store, so it is told which ones are missing."""

    home: Path
    missing: Placed = MISSING
    mirrors: bool = True

    def __post_init__(self) -> None:
        self.workspace = workspace_in(self.home)
        self.target = self.opened_anew()
        one, two, three = (put_bundle(self.workspace, version, MARCH) for version in "123")
        self.bundles = (one, two, three)

    def opened_anew(self) -> SimulatedTarget:
        return SimulatedTarget(self.home / "target", traffic=0, broken=frozenset({MISSING.bundle}))

    def send(self, requests: int) -> Counter[str]:
        before = self.target.observe("flights")
        after = self.target.send("flights", requests)
        roles = {"champion": after.state.champion, "candidate": after.state.candidate}
        counts = {
            placed.version: getattr(after, role).requests - getattr(before, role).requests
            for role, placed in roles.items()
            if placed is not None
        }
        return +Counter(counts)

    def restart(self) -> None:
        self.target = self.opened_anew()

    def stop(self) -> None:
        self.target.is_up = False

    def close(self) -> None:
        """There is nothing to give back."""


@dataclass
class LocalRig:
    """The real model server in a process of its own, with tiny XGBoost models."""

    home: Path
    missing: Placed = MISSING
    mirrors: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        url = f"http://127.0.0.1:{self.port}"
        self.workspace = workspace_in(self.home, AIRLOOP_SERVER=url)
        one, two, three = (model_bundle(self.workspace, number) for number in (1, 2, 3))
        self.bundles = (one, two, three)
        self.target = self.opened_anew()
        headers = {"authorization": f"Bearer {read_or_make(self.home).infer}"}
        self.client = httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)
        self.restart()

    def opened_anew(self) -> LocalTarget:
        return LocalTarget(self.workspace)

    def send(self, requests: int) -> Counter[str]:
        body = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [0.5]}]}
        answers = [self.client.post("/v2/models/flights/infer", json=body) for _ in range(requests)]
        return Counter(answer.raise_for_status().json()["model_version"] for answer in answers)

    def restart(self) -> None:
        self.stop()
        command = [sys.executable, "-m", "airloop.serving", "--no-log", "--port", str(self.port)]
        environment = {"AIRLOOP_HOME": str(self.home), "PYTHONPATH": os.pathsep.join(sys.path)}
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.home / "server.log").read_text())
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return self.client.get("/v2/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        self.stop()
        self.client.close()


def model_bundle(workspace: Workspace, number: int, *, features: bytes = b"", **facts: Any) -> BundleRef:
    """Write a bundle with a model of ``number`` trees on one column; ``features`` is the source of feature code."""
    private = [Input(name, "text", False) for name in facts.get("private", ())]
    schema = Schema((Input("x", "number", False), *private), (Feature("x"),), "binary", ("no", "yes"))
    inputs = np.linspace(0, 1, 32, dtype=np.float32).reshape(-1, 1)
    rows = xgboost.DMatrix(inputs, label=(inputs[:, 0] > 0.5).astype(float))
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, rows, num_boost_round=number)
    expected = booster.inplace_predict(inputs[:8]).astype(float).tolist()
    golden = {"x": inputs[:8, 0].astype(float).tolist()} | {column.name: [""] * 8 for column in private}
    files = {
        "schema.json": msgspec.json.encode(schema),
        "golden.json": json.dumps({"inputs": golden, "expected": expected}).encode(),
        "features.json": msgspec.json.encode(HOOKS if features else None),
        "model/trainer.json": b'{"trainer": "xgboost"}',
        "model/model.ubj": bytes(booster.save_raw("ubj")),
        "pipeline.yaml": b"",
        "requirements.txt": b"",
    }
    if features:
        files["features/features.py"] = features
    made = keep_bundle(workspace, str(number), datetime(2013, 3, number, tzinfo=UTC), files, **facts)
    proof.keep(workspace.store, made.digest, proof.Proof(arrays=True, forest=True))
    return made
