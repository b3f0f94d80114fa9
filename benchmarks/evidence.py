"""What evidence costs a release: ``python benchmarks/evidence.py [--bundles 20] [--megabytes 0.5]``.

Bundles of that size are signed, a release of each is certified (all that it rests on is looked at, then signed for),
and the statement is checked again, as before a roll back. The store is a folder. The signing library is imported in a
process of its own, as a task does it. An image's SBOM is not in it: it needs a Docker engine.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.airloop.release.conftest import PASSED, PROMOTED, keep_bundle, workspace_in

from airloop import evidence
from airloop.bundle import open_bundle
from airloop.workspace import Workspace

PARTS = ("signing a bundle", "certifying a release", "checking it again")
IMPORTING = "import time; began = time.perf_counter(); import model_signing; print(time.perf_counter() - began)"


def main() -> None:
    """Measure and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundles", type=int, default=20)
    parser.add_argument("--megabytes", type=float, default=0.5, help="size of a bundle's model")
    given = parser.parse_args()
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="airloop-benchmark-") as home:
        workspace = workspace_in(Path(home))
        for number in range(-1, given.bundles):
            costs = of_one(workspace, number, round(given.megabytes * 1e6))
            for what, seconds in costs.items() if number >= 0 else ():
                found.setdefault(what, []).append(seconds)
    found["importing the signing library"] = [imported() for _ in range(5)]
    print(f"{'median of ' + str(given.bundles):<34}{'ms':>8}")
    for what, each in found.items():
        print(f"{what:<34}{statistics.median(each) * 1e3:>8.1f}")


def of_one(workspace: Workspace, number: int, size: int) -> dict[str, float]:
    """Return what each part costs for a new bundle, seconds."""
    files = {name: b"{}" for name in ("golden.json", "schema.json", "features.json", "model/trainer.json")}
    files |= {"pipeline.yaml": b"", "requirements.txt": b"", "model/model.ubj": os.urandom(size)}
    bundle = keep_bundle(workspace, str(number), datetime(2013, 3, 3, tzinfo=UTC) + timedelta(days=number), files)
    shutil.rmtree(workspace.store.folder("signatures", bundle.signature))  # made as the bundle was written
    said = {"verdict": PROMOTED, "verification": PASSED, "by": "ann", "run_id": f"run-{number}", "target": "local"}
    times = [time.perf_counter()]
    assert evidence.sign_bundle(workspace, open_bundle(workspace, bundle.digest)) == bundle.signature
    times.append(time.perf_counter())
    certified = evidence.certify(workspace, "flights", bundle=bundle, **said)
    times.append(time.perf_counter())
    evidence.check(workspace, certified)
    times.append(time.perf_counter())
    return {what: end - start for what, (start, end) in zip(PARTS, itertools.pairwise(times), strict=True)}


def imported() -> float:
    """Return how long a process needs to import the library."""
    return float(subprocess.run([sys.executable, "-c", IMPORTING], check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
