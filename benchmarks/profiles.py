"""What do profiles cost, and drift on them? Against the same from scratch with NumPy and SciPy, and against Evidently.

    python benchmarks/profiles.py                (some 20 seconds on 2 cores)
    python benchmarks/profiles.py --evidently    (installs it into an environment of its own first: minutes, once)

The data are the 336,776 flights of 2013 as the model sees them: 20 columns, 3 of texts. The window is 50,000 of them.
Every contender is a process of its own, several rounds each, one after the other; figures are medians. CPU seconds are
the processor's, so that other work on the machine hardly counts. Needs Linux, the extra `examples`, PYTHONPATH=include.
Evidently 0.7.23 cannot be imported beside pandas 3, hence its own environment.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd

from airloop.profiles import Kind, Profile
from airloop.workspace import PROJECT

WINDOW = slice(150_000, 200_000)
EVIDENTLY = "evidently==0.7.23"

OURS = """
import json, sys, time
from pathlib import Path
import pandas as pd
from airloop.profiles import Profile
from airloop.profiles.distances import distance
window, kinds = pd.read_parquet(sys.argv[2]), json.loads(sys.argv[3])
began, cpu = time.perf_counter(), time.process_time()
reference = Profile.from_bytes(Path(sys.argv[1]).with_suffix(".profile").read_bytes())
found = Profile.of(window, kinds)
profiled = time.perf_counter()
for name, column in found.columns.items():
    distance("psi", reference.columns[name], column)
    distance("kolmogorov_smirnov", reference.columns[name], column)
done = time.perf_counter()
extra = {"distances": done - profiled}
"""

SCRATCH = """
import json, sys, time
from pathlib import Path
import numpy as np, pandas as pd
from scipy.stats import ks_2samp
reference, window, kinds = pd.read_parquet(sys.argv[1]), pd.read_parquet(sys.argv[2]), json.loads(sys.argv[3])
began, cpu = time.perf_counter(), time.process_time()
for name, kind in kinds.items():
    if kind == "category":
        one, other = (frame[name].value_counts(normalize=True, dropna=False) for frame in (reference, window))
        one, other = one.align(other, fill_value=0)
    else:
        edges = np.unique(np.nanquantile(reference[name], np.arange(1, 10) / 10))
        sides = [frame[name].dropna().to_numpy() for frame in (reference, window)]
        one, other = (np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) / len(side) for side in sides)
        ks_2samp(*sides, method="asymp")
    one, other = np.maximum(one, 1e-6), np.maximum(other, 1e-6)
    ((other - one) * np.log(other / one)).sum()
done = time.perf_counter()
extra = {}
"""

PRESET = """
import json, sys, time
from pathlib import Path
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
reference, window, kinds = pd.read_parquet(sys.argv[1]), pd.read_parquet(sys.argv[2]), json.loads(sys.argv[3])
began, cpu = time.perf_counter(), time.process_time()
names = {kind: [name for name in kinds if kinds[name] == kind] for kind in ("number", "category")}
definition = DataDefinition(numerical_columns=names["number"], categorical_columns=names["category"])
sides = [Dataset.from_pandas(frame, data_definition=definition) for frame in (window, reference)]
Report([DataDriftPreset()]).run(*sides).dict()
done = time.perf_counter()
extra = {}
"""

TELL = """
# Not ru_maxrss, which begins with the memory of the process that started this one.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) / 1024
times = {"compute": done - began, "cpu": time.process_time() - cpu}
print(json.dumps(times | {"peak_mib": peak} | extra))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--evidently", action="store_true", help="compare with it; installs it where it is not yet")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airloop-bench-") as scratch:
        frame, kinds = _flights(Path(scratch) / "home")
        reference, window = Path(scratch) / "reference.parquet", Path(scratch) / "window.parquet"
        frame.to_parquet(reference)
        frame.iloc[WINDOW].to_parquet(window)
        profile = Profile.of(frame, kinds)
        reference.with_suffix(".profile").write_bytes(profile.to_bytes())
        _profiling(frame, kinds, asked.rounds)
        contenders = {"stored reference profile": (sys.executable, OURS), "NumPy and SciPy": (sys.executable, SCRATCH)}
        if asked.evidently:
            contenders["Evidently's preset"] = str(_environment()), PRESET
        arguments = [str(reference), str(window), json.dumps(kinds)]
        _drift({name: _measured(*given, arguments, asked.rounds) for name, given in contenders.items()})
    if not asked.evidently:
        print("Evidently: left out; --evidently installs it into an environment of its own and compares")


def _flights(home: Path) -> tuple[pd.DataFrame, dict[str, Kind]]:
    """Return all flights as the example's feature code gives them, and the flight number."""
    from airloop import data
    from airloop.features.code import FeatureCode
    from airloop.spec import load
    from airloop.workspace import Workspace
    from pipelines.flight_delays.land import land

    land(home)
    pipeline = load(PROJECT / "include" / "pipelines" / "flight_delays")
    year = pipeline.spec.data.model_copy(update={"train_window": timedelta(days=366)})
    whole = type(pipeline)(pipeline.spec.model_copy(update={"data": year}), pipeline.folder)
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(home)})
    _, snapshot = data.take(workspace, whole, datetime(2014, 1, 2, tzinfo=UTC))
    rows = pd.concat([data.read_partition(workspace, part, snapshot.columns) for part in snapshot.partitions])
    features = FeatureCode.load(pipeline.folder, pipeline.spec.features).build(rows.reset_index(drop=True))
    frame = features.assign(flight=rows["flight"].to_numpy())
    texts = frame.select_dtypes(exclude="number").columns
    return frame, {str(name): "category" if name in texts else "number" for name in frame.columns}


def _profiling(frame: pd.DataFrame, kinds: dict[str, Kind], rounds: int) -> None:
    """Print how fast rows are profiled, and what their profile weighs."""
    noise = pd.DataFrame(np.random.default_rng(0).normal(size=(len(frame), len(kinds))), columns=list(kinds))
    print(f"profiling {len(frame):,} rows, {len(kinds)} columns, per second of the processor, median of {rounds}")
    print(f"{'':<32}{'rows/s':>12}{'values/s':>14}{'KiB':>8}{'x flights':>11}")
    base = 0.0
    cases: dict[str, tuple[pd.DataFrame, dict[str, Kind]]] = {
        "flights": (frame, kinds),
        "all numbers different": (noise, dict.fromkeys(kinds, "number")),
    }
    for name, (rows, given) in cases.items():
        seconds = _median(lambda rows=rows, given=given: Profile.of(rows, given), rounds)  # type: ignore[misc]
        base = base or seconds
        size = len(Profile.of(rows, given).to_bytes()) / 1024
        speed = len(rows) / seconds
        print(f"{name:<32}{speed:>12,.0f}{speed * len(given):>14,.0f}{size:>8.0f}{base / seconds:>11.2f}")


def _drift(measured: dict[str, dict[str, float]]) -> None:
    """Print the contenders, each as a ratio to the first one."""
    first = next(iter(measured.values()))
    print("\ndrift of 50,000 rows on 20 columns against 336,776: PSI and Kolmogorov-Smirnov, or what the preset takes")
    print(f"{'':<26}{'compute s':>10}{'ratio':>8}{'CPU s':>8}{'ratio':>8}{'process s':>11}{'ratio':>8}{'peak MiB':>10}")
    for name, found in measured.items():
        ratios = {key: found[key] / first[key] for key in ("compute", "cpu", "process")}
        print(
            f"{name:<26}{found['compute']:>10.3f}{ratios['compute']:>8.1f}{found['cpu']:>8.3f}{ratios['cpu']:>8.1f}"
            f"{found['process']:>11.2f}{ratios['process']:>8.1f}{found['peak_mib']:>10.0f}"
        )
    share = first["distances"] / first["compute"]
    print(f"  of the first, distances without the window's profile: {first['distances']:.3f} s, {share:.0%}")


def _measured(python: str, code: str, arguments: list[str], rounds: int) -> dict[str, float]:
    """Return the medians of what fresh processes tell, and of how long they take from start to end."""
    found: list[dict[str, float]] = []
    environ = {**os.environ, "PYTHONPATH": str(PROJECT / "include") if python == sys.executable else ""}
    for _ in range(rounds + 1):
        began = perf_counter()
        command = [python, "-W", "ignore", "-c", code + TELL, *arguments]
        done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=600)
        found.append({**json.loads(done.stdout.splitlines()[-1]), "process": perf_counter() - began})
    # The first process may have had bytecode to write.
    return {key: statistics.median(one[key] for one in found[1:]) for key in found[1]}


def _median(call: Callable[[], Any], rounds: int) -> float:
    """Return the median of the processor's seconds."""
    found = []
    for _ in range(rounds):
        began = process_time()
        call()
        found.append(process_time() - began)
    return statistics.median(found)


def _environment() -> Path:
    """Return the Python of an environment with Evidently, made where it is not there yet."""
    folder = Path(tempfile.gettempdir()) / "airloop-bench-evidently"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        print(f"installing {EVIDENTLY} into {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        wanted = [EVIDENTLY, "pandas<3", "pyarrow"]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True, timeout=1800)
        ready.touch()
    return python


if __name__ == "__main__":
    main()
