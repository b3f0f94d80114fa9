"""Trains in a process of its own, which the test kills: ``python killed.py CHECKPOINTS [WORKERS]``."""

import runpy
import sys
from pathlib import Path

from airloop.spec.model import Model
from airloop.trainers import find, spread
from airloop.trainers.checkpoint import Checkpoints
from airloop.trainers.distributed_workers import LocalProcesses

MODEL = Model(
    task="binary",
    params={"subsample": 0.7, "colsample_bynode": 0.5, "learning_rate": 0.02},
    rounds=300,
    early_stopping=300,
    checkpoint_every=20,
)

if __name__ == "__main__":
    rows = runpy.run_path(str(Path(__file__).with_name("conftest.py")))
    data = rows["make_data"].__wrapped__()()
    if len(sys.argv) > 2:
        model = MODEL.model_copy(update={"workers": int(sys.argv[2]), "threads": 1, "replicates": 0})
        spread("xgboost", LocalProcesses()).fit(data, model, Checkpoints(Path(sys.argv[1])))
    else:
        find("xgboost").fit(data, MODEL, Checkpoints(Path(sys.argv[1])))
