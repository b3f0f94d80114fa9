"""``metrics`` as a process: says where it answers, answers, and ends when it is told to."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import httpx
import pytest

from airloop.workspace import PROJECT


@pytest.mark.slow
def test_it_says_where_it_answers_and_ends_on_sigterm(airloop, tmp_path):
    airloop("new", "churn")
    environ = {**os.environ, "PYTHONPATH": str(PROJECT / "include")}
    command = [sys.executable, "-m", "airloop", "metrics", "--port", "0"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            (url,) = re.findall(r"^metrics at (http://127\.0\.0\.1:\d+)/metrics, model servers at \S+/targets$", line)
            text = httpx.get(f"{url}/metrics", trust_env=False, timeout=30).text
            assert 'airloop_pipeline_info{owner="airflow",pipeline="churn",target="local"} 1.0' in text
            assert 'airloop_source_up{source="ledger"} 1.0' in text
        finally:
            process.terminate()
    assert process.returncode == 0
    assert list(tmp_path.rglob("ledger.db"))
