"""How long does Airflow take to read the DAG files and the plugin, for 1 pipeline and for 300?

    python benchmarks/parse.py --rounds 5        (about a minute on 2 cores)

Each figure is the median of fresh processes that have imported Airflow. Needs PYTHONPATH=include:plugins.
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
from pathlib import Path

from airloop.workspace import PROJECT

READ = """
import json, sys, time
from airflow.dag_processing.dagbag import DagBag
import airflow.sdk, airflow.providers.standard.operators.hitl
began = time.perf_counter()
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
print(json.dumps({"seconds": time.perf_counter() - began, "dags": len(bag.dags)}))
"""

PLUGIN = """
import json, time
from airflow import plugins_manager
began = time.perf_counter()
plugins, errors = plugins_manager._get_plugins()
assert not errors, errors
print(json.dumps({"seconds": time.perf_counter() - began}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="airloop-bench-") as scratch:
        one, many = _pipelines(Path(scratch) / "one", 1), _pipelines(Path(scratch) / "many", 300)
        dags = str(PROJECT / "dags")
        single = _median(rounds, READ, dags, AIRLOOP_PIPELINES=one)
        all_of_them = _median(rounds, READ, dags, AIRLOOP_PIPELINES=many)
        task = _median(rounds, READ, dags, AIRLOOP_PIPELINES=many, _AIRFLOW_PARSING_CONTEXT_DAG_ID="p7.train")
        plugins = PROJECT / "plugins"
        with_plugin = _median(rounds, PLUGIN, AIRFLOW__CORE__PLUGINS_FOLDER=str(plugins))
        empty = Path(scratch) / "empty"
        empty.mkdir()
        without = _median(rounds, PLUGIN, AIRFLOW__CORE__PLUGINS_FOLDER=str(empty))
    print(f"milliseconds, median of {rounds} fresh processes")
    print(f"{'both DAG files, 1 pipeline':<44}{single * 1e3:>9.1f}")
    print(f"{'both DAG files, 300 pipelines':<44}{all_of_them * 1e3:>9.1f}")
    print(f"{'  of these per pipeline':<44}{all_of_them / 300 * 1e3:>9.1f}")
    print(f"{'  per pipeline, ratio to 1 pipeline':<44}{all_of_them / 300 / single:>9.2f}")
    print(f"{'both DAG files, as a task of 1 of 300':<44}{task * 1e3:>9.1f}")
    print(f"{'plugins: ours':<44}{with_plugin * 1e3:>9.1f}")
    print(f"{'plugins: an empty folder':<44}{without * 1e3:>9.1f}")


def _pipelines(folder: Path, count: int) -> str:
    """Write ``count`` pipelines like the example and return the folder."""
    example = PROJECT / "include" / "pipelines" / "flight_delays"
    for number in range(count):
        copied = folder / f"p{number}"
        shutil.copytree(example, copied, ignore=shutil.ignore_patterns("__pycache__"))
        spec = copied / "pipeline.yaml"
        spec.write_text(spec.read_text().replace("name: flight_delays", f"name: p{number}"))
    return str(folder)


def _median(rounds: int, code: str, *arguments: str, **environment: str) -> float:
    """Return the median seconds that ``code`` reports."""
    with tempfile.TemporaryDirectory(prefix="airloop-bench-") as home:
        environ = {
            **os.environ,
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            **environment,
        }
        command = [sys.executable, "-c", code, *arguments]
        found = []
        for _ in range(rounds + 1):
            done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
            found.append(float(json.loads(done.stdout.splitlines()[-1])["seconds"]))
    # The first process may have had bytecode to write.
    return statistics.median(found[1:])


if __name__ == "__main__":
    main()
