"""The first questions come at once, each in a thread of its own: none begins a package that another is in."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
INCLUDE = PROJECT / "include"
LOOKED_AT = ("overview", "release", "gateway", "images", "engine", "cluster")
CODE = """
import json, sys
from airloop_airflow.ui.imports import imported
imported()
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = {"docker", "great_expectations", "kubernetes", "mlflow", "pandas", "pyarrow", "scipy", "sklearn", "xgboost"}


def imported_later() -> Iterator[tuple[str, str]]:
    """Give the packages of Airloop that functions import which pages call: where, and which."""
    for folder in LOOKED_AT:
        for file in sorted((INCLUDE / "airloop" / folder).rglob("*.py")):
            functions = [each for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, ast.FunctionDef)]
            for node in (node for function in functions for node in ast.walk(function)):
                if isinstance(node, ast.ImportFrom):
                    for name in node.names:
                        root, _, package = f"{node.module}.{name.name}".partition(".")
                        if root == "airloop":
                            yield str(file.relative_to(INCLUDE)), f"airloop.{package.partition('.')[0]}"


def test_after_the_first_question_every_package_is_there_and_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={"PYTHONPATH": f"{INCLUDE}:{PROJECT / 'plugins'}"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    modules = set(json.loads(done.stdout))
    assert {f"airloop.overview.{file.stem}" for file in (INCLUDE / "airloop/overview").glob("[a-z]*.py")} <= modules
    assert HEAVY & modules == set()
    later = set(imported_later())
    assert len(later) > 10
    assert [(where, package) for where, package in sorted(later) if package not in modules] == []


def test_every_route_that_answers_waits_for_its_turn():
    from airloop_airflow.pages import app
    from airloop_airflow.ui.imports import imported

    asked = [route for route in app.routes if not route.path.startswith(("/ui", "/openapi", "/docs"))]
    assert len(asked) > 15
    assert [route.path for route in asked if imported not in [each.call for each in route.dependant.dependencies]] == []
