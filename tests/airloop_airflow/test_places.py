"""Where a step is carried out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airloop import steps
from airloop.errors import Unreachable
from airloop.refs import SnapshotRef, ValidationRef
from airloop_airflow.step import StepOperator

SPEC = """\
name: parcels
data: {source: {path: "p/{date}.csv"}, event_time: sent_at, label: {column: late}}
model: {task: binary}
runs_on: {validate_data: {on: docker, image: "nobody/needs:it"}}
"""
SNAPSHOT = SnapshotRef(digest="s1", uri="x", as_of=datetime(2013, 3, 18, tzinfo=UTC), partitions=3, rows=30)


def test_a_step_that_finds_no_engine_says_where_it_looked_and_is_tried_again(tmp_path, monkeypatch, context_of):
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRLOOP_PIPELINES", str(tmp_path / "pipelines"))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    (tmp_path / "pipelines" / "parcels").mkdir(parents=True)
    (tmp_path / "pipelines" / "parcels" / "pipeline.yaml").write_text(SPEC)
    task = StepOperator(task_id="validate_data", pipeline="parcels")
    with pytest.raises(Unreachable, match=r"no Docker engine answers at tcp://127\.0\.0\.1:1") as caught:
        task.carry_out(context_of(), steps.validate_data, ValidationRef, snapshot=SNAPSHOT)
    assert caught.value.retryable
    task.on_kill()
