"""A past sent to the real model server, watched on its own clock."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from airloop import clock
from airloop.monitoring.log import as_frame, count, read
from airloop.monitoring.window import Window
from airloop.serving.client import ServerClient
from airloop.serving.tokens import read_or_make
from airloop.spec import find
from airloop.workspace import PROJECT

PERIOD = ("--from", "2024-04-01", "--to", "2024-04-08")
WEEK = Window(clock.parse("2024-04-01"), clock.parse("2024-04-08"))


def test_options_that_do_not_go_together_are_refused(airloop):
    rates = airloop("replay", "orders", *PERIOD, "--rate", "10", "--speed-up", "60")
    assert rates.code == 2 and "give --rate or --speed-up, not both" in rates.err
    retrains = airloop("replay", "orders", *PERIOD, "--retrain")
    assert retrains.code == 2 and "--retrain needs --monitor" in retrains.err


def test_without_a_server_it_says_how_to_start_one(airloop, monkeypatch):
    monkeypatch.setenv("AIRLOOP_SERVER", "http://127.0.0.1:9")
    airloop("new", "orders")
    answer = airloop("replay", "orders", *PERIOD)
    assert answer.code == 2 and "no model server at http://127.0.0.1:9" in answer.err


@pytest.fixture
def live(airloop, server, workspace):
    """Orders with a model that is live."""
    airloop("new", "orders")
    yaml = workspace.pipelines / "orders" / "pipeline.yaml"
    # How fast this machine is just now is not what is looked at here.
    yaml.write_text(yaml.read_text().replace("latency_p99_ms: 50", "latency_p99_ms: 5000"))
    airloop("land", "orders")
    environ = {**os.environ, "PYTHONPATH": str(PROJECT / "include")}
    command = [sys.executable, "-m", "airloop", "run", "orders", "--as-of", "2024-04-01"]
    subprocess.run(command, env=environ, capture_output=True, check=True)
    assert workspace.ledger.live("orders", "local") is not None
    return server


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_past_is_watched_as_it_was_and_sent_twice_it_counts_once(airloop, live, workspace):
    answer = airloop("replay", "orders", *PERIOD, "--monitor")
    assert answer.code == 0, answer.err
    assert (answer.json["rows"], answer.json["refused"]) == (1400, 0)
    (window,) = answer.json["windows"]
    assert (window["window"], window["refs"]["window"]["rows"]) == (WEEK.name, 1400)
    labels = window["refs"]["labels"]
    assert labels["is_enough"] and 0.8 * 1400 <= labels["labelled"] < 1400, "it is looked before the last are known"
    assert labels["known_until"] > "2024-04-08T12:00:00Z"
    assert window["action"] == "WAIT"

    assert airloop("replay", "orders", *PERIOD, "--batch", "7").json["rows"] == 1400
    with ServerClient(live, read_or_make(workspace.home).admin) as admin:
        admin.flush()
    pipeline = find("orders", workspace)
    assert count(workspace, pipeline, WEEK).rows == 2800
    rows = as_frame(read(workspace, pipeline, WEEK).table)
    assert len(rows) == rows["order_id"].nunique() == 1400


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ctrl_c_ends_it_with_what_was_sent(live, workspace):
    environ = {**os.environ, "PYTHONPATH": str(PROJECT / "include")}
    process = subprocess.Popen(
        [sys.executable, "-m", "airloop", "replay", "orders", *PERIOD, "--rate", "100"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background ignores Ctrl-C, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with ServerClient(live, read_or_make(workspace.home).infer) as server:
        deadline = time.monotonic() + 60
        while not re.search(r'airloop_rows_total\{pipeline="orders".*\} [1-9]', server.metrics()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said
    assert '"pipeline": "orders"' in out and "stopped" in said
