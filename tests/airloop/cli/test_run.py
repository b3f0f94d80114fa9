"""The whole chain from the command line: a new pipeline lands rows, trains, is judged, verified and released."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import httpx
import pytest

from airloop.workspace import PROJECT

pytestmark = pytest.mark.slow


def _run(*arguments):
    command = [sys.executable, "-m", "airloop", "run", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(PROJECT / "include")}
    ended = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    (line,) = ended.stdout.splitlines()
    return json.loads(line)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_new_pipeline_goes_live_and_its_history_says_why(airloop, server, task):
    assert airloop("new", "orders", "--like", task).code == 0
    assert airloop("land", "orders").code == 0
    run = _run("orders", "--as-of", "2024-04-01")
    assert run["outcome"] == "RELEASED"
    assert list(run["refs"]) == ["snapshot", "validation", "model", "verdict", "bundle", "verification", "release"]
    assert run["refs"]["verdict"]["outcome"] == "PROMOTE"
    version = run["refs"]["model"]["version"]
    assert httpx.get(f"{server}/v2/models/orders/versions/{version}/ready").status_code in (200, 401)

    words = " ".join(airloop("explain", "orders").err.split())
    assert f"orders version {version} is live on local" in words
    assert "PROMOTE" in words
    assert "verification passed" in words

    again = _run("orders", "--as-of", "2024-04-01")
    assert (again["outcome"], again["refs"]["model"]) == ("HOLD", run["refs"]["model"])
    assert "is the champion itself" in again["reasons"][0]
    assert len(airloop("history", "orders", "--json").json["production"]) == 1


@pytest.mark.timeout(300)
def test_nothing_ships_before_a_person_approves_where_the_spec_asks_for_one(airloop, server, workspace):
    airloop("new", "orders", "--like", "regression")
    yaml = workspace.pipelines / "orders" / "pipeline.yaml"
    yaml.write_text(yaml.read_text().replace("approval: none", "approval: required"))
    airloop("land", "orders")
    run = _run("orders", "--as-of", "2024-04-01")
    assert run["outcome"] == "NOT_APPROVED"
    assert run["reasons"] == ["a person must approve: run again with --approved-by YOUR_NAME"]
    assert list(run["refs"]) == ["snapshot", "validation", "model", "verdict"]
    assert "orders was never released" in airloop("history", "orders").err

    approved = _run("orders", "--as-of", "2024-04-01", "--approved-by", "ann")
    assert approved["outcome"] == "RELEASED"
    assert approved["refs"]["verdict"] == run["refs"]["verdict"]
    (champion,) = airloop("history", "orders", "--json").json["production"]
    assert champion["by"] == "ann"
