"""Runs releases that die by SIGKILL at a chosen moment: ``python dying.py HOME…``, the moment is the folder's name.

One process imports everything and forks once per folder, which costs a tenth of a process for each.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from airloop.refs import BundleRef, VerdictRef, VerificationRef
from airloop.release import release, roll_back
from airloop.release.simulated import SimulatedTarget
from airloop.release.target import State
from airloop.release.waiting import Pace
from airloop.spec import Pipeline
from airloop.spec.model import Spec
from airloop.workspace import Workspace


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class DyingTarget(SimulatedTarget):
    """A target whose caller dies at ``moment``."""

    moment: str = ""

    def apply(self, pipeline: str, state: State) -> None:
        share = f"{state.candidate_percent}" if state.candidate else "alone"
        if self.moment == f"before_applying_{share}":
            die()
        super().apply(pipeline, state)
        if self.moment == f"after_applying_{share}":
            die()

    def keep(self, pipeline: str, bundles: Any) -> tuple[str, ...]:
        if self.moment == "before_recording":
            die()
        return super().keep(pipeline, bundles)

    def endpoint(self, pipeline: str) -> str:
        if self.moment == "after_recording":
            die()
        return super().endpoint(pipeline)


def run(home: Path) -> None:
    doing, _, moment = home.name.partition("-")
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(home)})
    given = json.loads((home / "given.json").read_text())
    pipeline = Pipeline(Spec.model_validate(given["spec"]), home)
    seconds = [0.0]

    def sleep(some: float) -> None:
        seconds[0] += some

    def report(line: str) -> None:
        if moment in ("in_step_10", "in_step_50") and line.startswith(f"{moment[8:]} %: ") and "failed, p99" in line:
            die()
        if moment == "after_committing" and line.startswith("committed"):
            die()

    common = {
        "run_id": "run-2",
        "report": report,
        "target": DyingTarget(home / "target", moment=moment, traffic=30),
        "pace": Pace(tell_every_s=1, now=lambda: seconds[0], sleep=sleep),
    }
    if doing == "release":
        bundle = given["bundle"] | {"data_cut_off": datetime.fromisoformat(given["bundle"]["data_cut_off"])}
        verdict, verification = VerdictRef(**given["verdict"]), VerificationRef(**given["verification"])
        release(workspace, pipeline, bundle=BundleRef(**bundle), verdict=verdict, verification=verification, **common)
    else:
        roll_back(workspace, pipeline, to=None, reason="wrong", by="ann", **common)


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        child = os.fork()
        if not child:
            run(Path(folder))
            os._exit(0)
        died_of = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{Path(folder).name} {died_of}\n")
