"""The walls of the house: what may import what, and what reading DAGs and plugins must never import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[1]
HEAVY = {
    "datasketches",
    "docker",
    "great_expectations",
    "kubernetes",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "xgboost",
}

READ_DAGS = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print(json.dumps({"dags": sorted(bag.dags), "errors": bag.import_errors, "modules": sorted(sys.modules)}))
"""

LOAD_PLUGINS = """
import json, sys
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
listeners = [each for plugin in plugins for each in plugin.listeners]
print(json.dumps({"plugins": [plugin.name for plugin in plugins if plugin.name.startswith("airloop")],
                  "errors": errors, "listeners": len(listeners), "modules": sorted(sys.modules)}))
"""

AS_A_TASK_DOES = """
import json, sys
from airflow.sdk import plugins_manager
from airflow.sdk.listener import get_listener_manager
plugins_manager.integrate_macros_plugins()
plugins_manager.integrate_listener_plugins(get_listener_manager())
print(json.dumps(sorted(sys.modules)))
"""

READ_VIEWS = LOAD_PLUGINS.replace(
    "print(", "views = [view for plugin in plugins for view in plugin.external_views]\nprint("
)

SERVE_PAGES = LOAD_PLUGINS.replace(
    "print(", "apps = [app for plugin in plugins for app in plugin.fastapi_apps]\nprint("
)


@cache
def run_in_fresh_process(code: str, *arguments: str, **environment: str) -> Any:
    path = os.pathsep.join([str(PROJECT / "include"), str(PROJECT / "plugins")])
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": path, "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR", **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def heavy_in(modules: object) -> set[str]:
    assert isinstance(modules, list) and modules
    return HEAVY & {module.partition(".")[0] for module in modules}


def test_reading_every_dag_imports_nothing_heavy():
    seen = run_in_fresh_process(READ_DAGS, str(PROJECT / "dags"))
    assert seen["errors"] == {}
    assert "flight_delays.train" in seen["dags"]
    assert heavy_in(seen["modules"]) == set()


def test_loading_the_plugin_imports_nothing_heavy_and_no_airloop():
    seen = run_in_fresh_process(LOAD_PLUGINS)
    assert seen["plugins"] == ["airloop"] and seen["errors"] == {}
    assert heavy_in(seen["modules"]) == set()
    assert not [name for name in seen["modules"] if name.partition(".")[0] in ("airloop", "airloop_airflow")]


def test_the_plugin_adds_one_module_to_a_tasks_process(tmp_path):
    without = run_in_fresh_process(AS_A_TASK_DOES, AIRFLOW__CORE__PLUGINS_FOLDER=str(tmp_path))
    added = set(run_in_fresh_process(AS_A_TASK_DOES)) - set(without)
    # A plugin's base class is in a module of Airflow's own, which is small.
    assert {name for name in added if "plugins_manager" not in name} == {"airloop_plugin"}


def test_showing_where_the_pages_are_imports_nothing_but_that():
    added = set(run_in_fresh_process(READ_VIEWS)["modules"]) - set(run_in_fresh_process(LOAD_PLUGINS)["modules"])
    assert {name for name in added if not name.startswith("airflow")} == {
        "airloop_airflow",
        "airloop_airflow.ui",
        "airloop_airflow.ui.views",
    }


def test_the_web_server_starts_with_the_pages_and_nothing_heavy():
    seen = run_in_fresh_process(SERVE_PAGES)
    assert "airloop_airflow.pages" in seen["modules"]
    assert heavy_in(seen["modules"]) == set()


def test_airflow_executes_one_file_of_the_plugins_folder():
    seen = run_in_fresh_process(LOAD_PLUGINS)
    bare = {path.stem for path in (PROJECT / "plugins" / "airloop_airflow").glob("*.py")}
    assert {"operators", "links", "pages"} <= bare
    assert "airloop_plugin" in seen["modules"]
    assert bare & set(seen["modules"]) == set()


def test_workers_start_warm_only_where_the_stack_says_so():
    assert run_in_fresh_process(LOAD_PLUGINS)["listeners"] == 0
    assert run_in_fresh_process(LOAD_PLUGINS, AIRLOOP_WARM_WORKERS="1")["listeners"] == 1


@pytest.mark.timeout(100)
def test_imports_point_one_way():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": f"{PROJECT / 'include'}{os.pathsep}{PROJECT / 'plugins'}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "2 kept, 0 broken" in done.stdout
