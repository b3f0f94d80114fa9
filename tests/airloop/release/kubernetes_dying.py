"""Runs one release on a cluster as a worker does, for a test that kills it: ``kubernetes_dying.py GIVEN.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from airloop.refs import BundleRef, VerdictRef, VerificationRef
from airloop.release import release
from airloop.release.waiting import Pace
from airloop.spec import Pipeline
from airloop.spec.model import Spec
from airloop.workspace import Workspace

if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    workspace = Workspace.from_environment()
    release(
        workspace,
        Pipeline(Spec.model_validate(given["spec"]), workspace.pipelines),
        bundle=BundleRef.model_validate_json(json.dumps(given["bundle"])),
        verdict=VerdictRef.model_validate(given["verdict"]),
        verification=VerificationRef.model_validate(given["verification"]),
        run_id=given["run_id"],
        report=lambda line: print(line, flush=True),
        pace=Pace(look_every_s=0.3, tell_every_s=0.3),
    )
