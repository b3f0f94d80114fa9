from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

WARM_UP_AND_FORK = """
import importlib, json, os, threading
from airloop_airflow.warm_workers import MODULES
for name in MODULES:
    importlib.import_module(name)
before = threading.active_count()
child = os.fork()
if not child:
    import numpy, pandas, pyarrow.parquet, sklearn.metrics, xgboost
    rows = numpy.random.default_rng(0).random((5000, 8))
    label = (rows[:, 0] > 0.5).astype(int)
    pandas.DataFrame(rows).rename(columns=str).to_parquet("rows.parquet")
    assert len(pyarrow.parquet.read_table("rows.parquet")) == 5000
    booster = xgboost.train({"nthread": 2, "objective": "binary:logistic"}, xgboost.DMatrix(rows, label), 5)
    score = sklearn.metrics.roc_auc_score(label, booster.predict(xgboost.DMatrix(rows)))
    numpy.linalg.svd(rows[:500])
    os._exit(0 if score > 0.99 else 1)
_, status = os.waitpid(child, 0)
print(json.dumps({"threads": before, "status": os.waitstatus_to_exitcode(status)}))
"""


@pytest.mark.slow
def test_a_fork_of_a_warm_process_computes_with_threads(tmp_path):
    """A thread pool that was started before the fork would not be there in the child, and this would hang."""
    path = os.pathsep.join([str(PROJECT / "include"), str(PROJECT / "plugins")])
    done = subprocess.run(
        [sys.executable, "-c", WARM_UP_AND_FORK],
        env=os.environ | {"PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"threads": 1, "status": 0}
