"""Operators as Airflow runs them, on real refs; whole runs are in ``tests/integration``."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import DownstreamTasksSkipped

from airloop import clock
from airloop.ledger import Ledger
from airloop.monitoring.window import Window
from airloop.refs import Action, DecisionRef, Outcome, SnapshotRef, VerdictRef, VerificationRef
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


@pytest.fixture
def decide(pipeline, tmp_path):
    """Write a decision to retrain into the ledger, as the monitoring does; return the event that it emits."""
    ledger = Ledger(f"sqlite:///{tmp_path}/home/ledger.db")

    def decided(day: int, reason: str = "label shift"):
        as_of = datetime(2013, 3, day, tzinfo=UTC)
        window = Window(as_of - timedelta(days=1), as_of).name
        ref = DecisionRef(
            digest="d", uri="x", window=window, action=Action.RETRAIN, as_of=as_of, reasons=(reason,), report="r"
        )
        ledger.record("decision", pipeline, window, ref.model_dump(mode="json"), as_of=as_of)
        return {"as_of": clock.iso(as_of), "window": window, "reason": reason}

    return decided


def asked(context_of, run_id, *events):
    """Return the context of a run that the retrain asset's events started."""
    context = context_of(run_type="asset_triggered", events=events)
    return context | {"run_id": run_id}


def take(pipeline, context):
    """Run the first task of a chain of two; return it."""
    with DAG("d", schedule=None):
        task = operators.TakeSnapshot(task_id="take_snapshot", pipeline=pipeline)
        task >> operators.TakeSnapshot(task_id="validate_data", pipeline=pipeline)
    task.execute(context | {"task": task})
    return task


def test_a_run_says_which_decision_it_answers_and_is_as_of_the_newest(pipeline, context_of, decide, capsys):
    first, second = decide(17, "psi of distance 0.4"), decide(18, "roc_auc 0.6")
    task = take(pipeline, asked(context_of, "r1", first))
    assert task.ref.as_of == datetime(2013, 3, 18, tzinfo=UTC)
    assert task.headline.startswith(f"RETRAIN: {second['window']}: roc_auc 0.6")
    assert f"; {first['window']}: psi of distance 0.4" in capsys.readouterr().out


def test_of_a_burst_of_events_one_run_trains(pipeline, context_of, decide):
    """Events are merged, doubled and dropped under load: state decides (apache/airflow#56750, #56749)."""
    events = [decide(17), decide(18)]
    take(pipeline, asked(context_of, "r1", *events))
    for run_id, twice in (("r2", events[0]), ("r3", events[1])):
        context = asked(context_of, run_id, twice)
        with pytest.raises(DownstreamTasksSkipped) as skipped:
            take(pipeline, context)
        assert skipped.value.tasks == ["validate_data"]
        assert context["ti"].pushed["return_value"]["windows"] == []
        assert "run r1 answers it" in context["ti"].pushed["return_value"]["reasons"][0]


def test_a_run_that_trains_nothing_leaves_why_in_the_ledger(pipeline, context_of, decide, tmp_path):
    event = decide(17)
    take(pipeline, asked(context_of, "r1", event))
    with pytest.raises(DownstreamTasksSkipped):
        take(pipeline, asked(context_of, "r2", event))
    ledger = Ledger(f"sqlite:///{tmp_path}/home/ledger.db")
    (entry,) = ledger.entries(pipeline, "unneeded")
    assert entry.run_id == "r2" and "run r1 answers it" in entry.payload["reasons"][0]


def test_the_first_task_of_a_run_by_hand_writes_down_who_asked(pipeline, context_of, tmp_path):
    take(pipeline, context_of(as_of="2013-03-18", why="a look back"))
    (entry,) = Ledger(f"sqlite:///{tmp_path}/home/ledger.db").entries(pipeline, "asked", run_id="run-1")
    assert (entry.payload["act"], entry.payload["by"], entry.payload["why"]) == ("train", "ann", "a look back")


def test_a_decision_whose_event_was_lost_is_answered_by_the_next_run(pipeline, context_of, decide):
    decide(17)
    task = take(pipeline, asked(context_of, "r1"))
    assert task.ref.as_of == datetime(2013, 3, 17, tzinfo=UTC) and "label shift" in task.headline


def test_a_retried_run_trains_for_the_same_decisions_again(pipeline, context_of, decide):
    event = decide(17)
    first, again = (take(pipeline, asked(context_of, "r1", event)) for _ in range(2))
    assert first.ref == again.ref and first.headline == again.headline


def test_an_event_that_a_person_posts_trains_without_a_decision(pipeline, context_of):
    wish = {"from_rest_api": True, "as_of": "2013-03-18", "reason": "new prices"}
    task = take(pipeline, asked(context_of, "r1", wish))
    assert task.ref.as_of == datetime(2013, 3, 18, tzinfo=UTC)
    assert task.headline == "RETRAIN: an event asks for it: new prices"


def test_an_event_with_neither_wish_nor_open_decision_trains_nothing(pipeline, context_of):
    context = asked(context_of, "r1", {"window": "2013-03-16T00:00:00Z/2013-03-17T00:00:00Z"})
    with pytest.raises(DownstreamTasksSkipped):
        take(pipeline, context)
    assert context["ti"].pushed["return_value"]["reasons"] == ["no window has asked for a retraining"]


def test_a_scheduled_run_leaves_decisions_to_the_run_that_they_start(pipeline, context_of, decide):
    event = decide(17)
    tick = datetime(2013, 3, 18, tzinfo=UTC)
    scheduled = take(pipeline, context_of(run_type="scheduled", interval_end=tick))
    assert (scheduled.ref.as_of, scheduled.headline) == (tick, "")
    assert take(pipeline, asked(context_of, "r1", event)).headline.startswith("RETRAIN")


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
