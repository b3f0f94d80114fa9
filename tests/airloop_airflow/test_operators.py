"""Operators as Airflow runs them, on real refs; whole runs are in ``tests/integration``."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import DownstreamTasksSkipped

from airloop.refs import Outcome, SnapshotRef, VerdictRef, VerificationRef
from airloop_airflow import operators, step

SPEC = """\
name: parcels
data:
  source: {path: "data/parcels/date={date}/*.parquet"}
  event_time: sent_at
  label: {column: late}
  train_window: 2d
  holdout_window: 1d
model: {task: binary}
"""
SNAPSHOT = SnapshotRef(digest="s1", uri="x", as_of=datetime(2013, 3, 18, tzinfo=UTC), partitions=3, rows=30)


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch):
    """A pipeline with three days of rows, and a workspace of its own."""
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRLOOP_PIPELINES", str(tmp_path / "pipelines"))
    folder = tmp_path / "pipelines" / "parcels"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC)
    for day in pd.date_range("2013-03-15", periods=3, tz="UTC"):
        rows = tmp_path / "home" / "data" / "parcels" / f"date={day:%Y-%m-%d}"
        rows.mkdir(parents=True)
        frame = pd.DataFrame({"sent_at": day + pd.to_timedelta(range(10), unit="h"), "late": [True, False] * 5})
        frame.to_parquet(rows / "rows.parquet", index=False)
    return "parcels"


def test_a_task_hands_on_small_json(pipeline, context_of):
    task = operators.TakeSnapshot(task_id="take_snapshot", pipeline=pipeline)
    result = task.execute(context_of(as_of="2013-03-18", why="a look back"))
    assert json.loads(json.dumps(result)) == result
    snapshot = SnapshotRef.model_validate(result)
    assert (snapshot.rows, snapshot.partitions) == (30, 3)
    assert snapshot.as_of == datetime(2013, 3, 18, tzinfo=UTC)


def test_a_run_of_the_same_instant_hands_on_the_same(pipeline, context_of):
    first, second = (
        operators.TakeSnapshot(task_id="take_snapshot", pipeline=pipeline).execute(context_of(as_of=text))
        for text in ("2013-03-18", "2013-03-18T00:00:00Z")
    )
    assert first == second


def test_results_travel_as_templates_of_json():
    with DAG("d", schedule=None):
        take = operators.TakeSnapshot(task_id="take_snapshot", pipeline="parcels")
        validate = operators.ValidateData(task_id="validate", pipeline="parcels", snapshot=step.result_of(take))
    rendered = validate.dag.get_template_env().from_string(validate.snapshot)
    handed_on = {"take_snapshot": SNAPSHOT.model_dump(mode="json")}
    text = rendered.render(ti=type("Ti", (), {"xcom_pull": lambda self, task_ids: handed_on[task_ids]})())
    assert SnapshotRef.model_validate_json(text) == SNAPSHOT


def test_a_run_that_ends_early_ends_well_and_says_why(context_of):
    with DAG("d", schedule=None):
        judge = step.DecidingOperator(task_id="judge_candidate", pipeline="parcels")
        package = operators.TakeSnapshot(task_id="package_bundle", pipeline="parcels")
        release = operators.TakeSnapshot(task_id="release", pipeline="parcels")
        judge >> package >> release
    verdict = VerdictRef(
        digest="v", uri="x", outcome=Outcome.REJECT, reasons=("roc_auc 0.5, at least 0.6",), report="r"
    )
    context = context_of() | {"task": judge}
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        judge.end_run_well(context, verdict, "REJECT: roc_auc 0.5, at least 0.6")
    assert set(skipped.value.tasks) == {"package_bundle", "release"}
    assert context["ti"].pushed["return_value"]["outcome"] == "REJECT"
    assert judge.headline == "REJECT: roc_auc 0.5, at least 0.6"
    assert judge.ref == verdict


def test_a_long_decision_is_shortened_for_the_run_page(caplog):
    task = step.StepOperator(task_id="judge_candidate", pipeline="parcels")
    task.say("REJECT: " + "too many reasons " * 20)
    assert len(task.headline) <= step.HEADLINE and task.headline.endswith("…")


def test_numbers_that_json_cannot_hold_travel_as_texts():
    """A NaN in a result would fail the task."""
    task = step.StepOperator(task_id="verify_bundle", pipeline="parcels")
    ref = VerificationRef(digest="v", uri="x", passed=False, reasons=(), latency_p99_ms=float("nan"), bundle_mb=1.0)
    text = json.dumps(task.hand_on(ref), allow_nan=False)
    assert math.isnan(VerificationRef.model_validate_json(text).latency_p99_ms)


def test_every_operator_tells_its_parameters():
    kinds = [kind for kind in vars(operators).values() if isinstance(kind, type) and hasattr(kind, "execute")]
    ours = [kind for kind in kinds if kind.__module__ == operators.__name__ and "execute" in vars(kind)]
    assert len(ours) == 9
    for kind in ours:
        assert ":param pipeline:" in (kind.__doc__ or ""), kind
        for field in kind.template_fields:
            assert f":param {field}:" in (kind.__doc__ or ""), (kind, field)


@pytest.mark.slow
def test_refused_data_links_to_the_docs_that_show_why(pipeline, tmp_path, context_of):
    from airloop.errors import ValidationBlocked
    from airloop_airflow.links import DataDocs

    folder = tmp_path / "pipelines" / pipeline
    wanted = "- {expect: ExpectTableRowCountToBeBetween, min_value: 1000, severity: block}\n"
    (folder / "expectations.yaml").write_text(wanted)
    (folder / "pipeline.yaml").write_text(SPEC.replace("data:", "data:\n  expectations: expectations.yaml"))
    context = context_of(as_of="2013-03-18")
    snapshot = operators.TakeSnapshot(task_id="take_snapshot", pipeline=pipeline).execute(context)
    task = operators.ValidateData(task_id="validate_data", pipeline=pipeline, snapshot=json.dumps(snapshot))
    with pytest.raises(ValidationBlocked, match="the data is not used"):
        task.execute(context)
    assert Path(task.docs).is_file()
    assert DataDocs().get_link(task, ti_key=None).endswith("/index.html")
