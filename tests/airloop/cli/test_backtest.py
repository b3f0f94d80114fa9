"""``python -m airloop backtest`` on a new pipeline, and killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from airloop.workspace import PROJECT


@pytest.fixture
def orders(airloop):
    """Return the command line over a new pipeline with its rows landed."""
    airloop("new", "orders")
    airloop("land", "orders")
    return airloop


def started(*arguments):
    environ = {**os.environ, "PYTHONPATH": str(PROJECT / "include")}
    words = [sys.executable, "-m", "airloop", "backtest", "orders", *arguments]
    return subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_period_without_rows_or_a_wrong_instant_is_refused(orders):
    answer = orders("backtest", "orders", "--from", "2024-04-01", "--to", "2024-03-01")
    assert (answer.code, answer.out) == (2, "")
    assert "orders: no tick between 2024-04-01T00:00:00Z and 2024-03-01T00:00:00Z" in answer.err
    answer = orders("backtest", "orders", "--from", "monday")
    assert "'monday' is not ISO 8601" in " ".join(answer.err.split())
    answer = orders("backtest", "orders", "--every", "weekly")
    assert "'weekly' is not a duration" in " ".join(answer.err.split())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_backtest_goes_on_after_a_kill_and_after_ctrl_c(orders, workspace):
    period = ("--from", "2024-03-20", "--to", "2024-04-01", "--every", "4d")
    for how in (signal.SIGKILL, signal.SIGINT):
        with started(*period) as process:
            # Killed once a tick more than before is done.
            done = len(list((workspace.home / "store" / "models").glob("*")))
            deadline = time.monotonic() + 200
            while len(list((workspace.home / "store" / "models").glob("*"))) == done and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(how)
            _, told = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "Traceback" not in told
    assert process.returncode == 130
    assert "stopped; the same command goes on where it was" in told
    with started(*period) as process:
        out, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert told.count(", found") == 2
    value = json.loads(out)
    assert [tick["as_of"] for tick in value["ticks"]] == [f"2024-03-{day}T00:00:00Z" for day in (20, 24, 28)]
    assert value["gates_over_never"]["intervals"] == 3
    assert value["report"].endswith("/backtest.html")
    board = orders("leaderboard", "orders", "--json").json["versions"]
    assert [row["made_by"] for row in board] == ["backtest"] * 3
    history = orders("history", "orders", "--json").json
    assert (history["production"], history["verdicts"]) == ([], [])
