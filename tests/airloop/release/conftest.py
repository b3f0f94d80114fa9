"""A workspace with real bundles and a real ledger, and targets to release them on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airloop import clock, digest, evidence
from airloop.bundle import open_bundle
from airloop.refs import BundleRef, Outcome, ReleaseRef, VerdictRef, VerificationRef
from airloop.release import release, roll_back
from airloop.release.simulated import SimulatedTarget
from airloop.release.waiting import Pace
from airloop.spec import Pipeline
from airloop.spec.model import Spec
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from .docker_rig import DockerRig

MARCH = datetime(2013, 3, 18, tzinfo=UTC)
PROMOTED = VerdictRef(digest="v" * 64, uri="", outcome=Outcome.PROMOTE, reasons=("better",), report="")
PASSED = VerificationRef(digest="p" * 64, uri="", passed=True, reasons=(), latency_p99_ms=3.0, bundle_mb=1.0)
SNAPSHOT, VALIDATION = "5" * 64, "c" * 64
GATE = {
    "rule": "roc_auc at least 0.62",
    "status": "PASS",
    "reason": "0.7",
    "rows": 900,
    "value": 0.7,
    "bound": [0.68, 0.72],
    "confidence": 0.975,
    "shadow": False,
}
ROLLOUT = {"steps": [10, 50, 100], "min_requests": 200, "step_timeout": "60s"}


@dataclass
class Clockwork:
    """A clock that only moves when somebody waits."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def pace(self) -> Pace:
        return Pace(now=self.now, sleep=self.sleep)


def pipeline_with(folder: Path, **rollout: Any) -> Pipeline:
    spec = Spec.model_validate(
        {
            "name": "flights",
            "data": {"source": {"path": "x/*.parquet"}, "partition": "none", "label": {"column": "late"}},
            "model": {"task": "binary", "trainer": "xgboost"},
            "release": {"rollout": ROLLOUT | rollout},
        }
    )
    return Pipeline(spec, folder)


def put_bundle(
    workspace: Workspace, version: str, data_cut_off: datetime, *, verdict: str = PROMOTED.digest
) -> BundleRef:
    """Write a bundle that is whole, though nobody could predict with it."""
    hollow = ("golden.json", "schema.json", "features.json", "model/trainer.json", "pipeline.yaml", "requirements.txt")
    return keep_bundle(workspace, version, data_cut_off, {path: b"{}" for path in hollow}, verdict)


def keep_bundle(
    workspace: Workspace,
    version: str,
    data_cut_off: datetime,
    files: Mapping[str, bytes],
    verdict: str = PROMOTED.digest,
    **more: Any,
) -> BundleRef:
    facts = {
        "pipeline": "flights",
        "version": version,
        "data_cut_off": clock.iso(data_cut_off),
        "lineage": {
            "model": digest.of_value(f"model {version}"),
            "snapshot": SNAPSHOT,
            "validation": VALIDATION,
            "verdict": verdict,
        },
        "private": [],
        "max_rows": 10,
        "log_predictions": False,
    } | more
    everything = {**files, "bundle.json": json.dumps(facts).encode()}
    name = digest.of_value({path: digest.of_bytes(content) for path, content in everything.items()})
    if not workspace.store.has("bundles", name):
        with workspace.store.writing("bundles", name) as folder:
            for path, content in everything.items():
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_bytes(content)
    keep_documents(workspace, verdict)
    return BundleRef(
        digest=name,
        uri=workspace.store.uri("bundles", name),
        version=version,
        data_cut_off=data_cut_off,
        signature=evidence.sign_bundle(workspace, open_bundle(workspace, name)),
    )


def keep_documents(workspace: Workspace, verdict: str) -> None:
    """Write what a release rests on beside its bundle, as small as it may be."""
    judged = {"outcome": "PROMOTE", "reasons": ["better"], "champion_version": None, "rows": 900, "gates": [GATE]}
    if not workspace.store.has("verdicts", verdict):
        with workspace.store.writing("verdicts", verdict) as folder:
            (folder / "verdict.json").write_text(json.dumps(judged))
    partition = {"digest": "d" * 64, "rows": 9000}
    workspace.store.put_json("snapshots", SNAPSHOT, {"as_of": clock.iso(MARCH), "partitions": [partition]})
    checked = {"expectations": 12, "warnings": [], "excluded": {}}
    workspace.store.put_json("validations", VALIDATION, checked)
    measured = {"passed": True, "reasons": [], "latency_p99_ms": 3.0, "bundle_mb": 1.0}
    workspace.store.put_json("verifications", PASSED.digest, measured)


@dataclass
class Bench:
    """Everything a release needs, with a clock of its own and the lines that were reported."""

    workspace: Workspace
    target: SimulatedTarget
    clockwork: Clockwork = field(default_factory=Clockwork)
    lines: list[str] = field(default_factory=list)
    rollout: dict[str, Any] = field(default_factory=dict)
    approval: str = "none"

    @property
    def pipeline(self) -> Pipeline:
        plain = pipeline_with(self.workspace.pipelines / "flights", **self.rollout)
        asked = plain.spec.release.model_copy(update={"approval": self.approval})
        return Pipeline(plain.spec.model_copy(update={"release": asked}), plain.folder)

    def bundle(self, version: str, *, days: float = 0) -> BundleRef:
        return put_bundle(self.workspace, version, MARCH + timedelta(days=days))

    def release(
        self,
        bundle: BundleRef,
        *,
        run: str = "",
        report: Callable[[str], None] | None = None,
        pace: Pace | None = None,
        **handed: Any,
    ) -> ReleaseRef:
        return release(
            self.workspace,
            self.pipeline,
            bundle=bundle,
            verdict=handed.get("verdict", PROMOTED),
            verification=handed.get("verification", PASSED),
            run_id=run or f"run-{bundle.version}",
            by=handed.get("by", ""),
            report=report or self.lines.append,
            target=self.target,
            pace=pace or self.clockwork.pace(),
        )

    def roll_back(self, to: str | None = None, *, run: str = "undo", reason: str = "wrong answers") -> ReleaseRef:
        return roll_back(
            self.workspace,
            self.pipeline,
            to=to,
            reason=reason,
            by="ann",
            run_id=run,
            report=self.lines.append,
            target=self.target,
            pace=self.clockwork.pace(),
        )

    def serves(self) -> str:
        return str(self.target.send("flights", 0).state)


def workspace_in(home: Path, **more: str) -> Workspace:
    return Workspace.from_environment({"AIRLOOP_HOME": str(home), "AIRLOOP_PIPELINES": str(home / "pipelines"), **more})


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRig]:
    """A stack on the Docker engine, shared by the tests of a process; images take seconds to make."""
    from .docker_rig import DockerRig

    with closing(DockerRig(tmp_path_factory.mktemp("stack"))) as rig:
        yield rig


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench with nothing released."""
    return Bench(workspace_in(tmp_path), SimulatedTarget(tmp_path / "target"))
