"""The tasks of monitoring, and what the decision asks Airflow for; whole runs are in ``tests/integration``."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from airflow.sdk import Asset
from airflow.sdk.execution_time.context import OutletEventAccessors

from airloop.refs import Action, DecisionRef
from airloop.workspace import Workspace
from airloop_airflow import assets, monitoring, sensors

SPEC = """\
name: parcels
data:
  source: {path: "data/parcels/date={date}/*.parquet"}
  event_time: sent_at
  label: {column: late}
model: {task: binary}
"""
WINDOW = "2013-03-11T00:00:00Z/2013-03-18T00:00:00Z"


def decision(*, is_binding: bool = True) -> DecisionRef:
    return DecisionRef(
        digest="d1",
        uri="x",
        window=WINDOW,
        action=Action.RETRAIN,
        as_of=datetime(2013, 3, 18, 6, tzinfo=UTC),
        reasons=("2 of 5 windows moved", "7,000 new labels"),
        report="x/window.html",
        is_binding=is_binding,
    )


@pytest.fixture
def task():
    given = dict.fromkeys(("window", "labels", "drift", "performance"), "{}")
    return monitoring.DecideRetraining(task_id="decide_retraining", pipeline="parcels", **given)


def asked(task, ref):
    """Return the events that Airflow would emit when the task succeeds."""
    context = {"outlet_events": OutletEventAccessors()}
    task.ask(context, ref)
    return [event for accessor in context["outlet_events"].values() for event in accessor.asset_alias_events]


def test_a_binding_decision_asks_for_a_training_as_of_its_instant_with_its_reasons(task):
    (event,) = asked(task, decision())
    retrain = assets.retrain("parcels")
    assert (event.dest_asset_key.name, event.dest_asset_key.uri) == (retrain.name, retrain.uri)
    assert event.extra == {
        "as_of": "2013-03-18T06:00:00Z",
        "window": WINDOW,
        "reason": "2 of 5 windows moved; 7,000 new labels",
    }
    assert event.source_alias_name == task.asks.name and task.outlets == [task.asks]
    assert task.outcome == "retrain"


def test_a_decision_that_does_not_bind_asks_for_nothing_and_tells_nobody(task):
    assert asked(task, decision(is_binding=False)) == []
    assert task.outcome is None


def run_all(context):
    """Run the tasks one after the other on a day when nobody asked; return what the last one handed on."""
    done: dict[str, str] = {}

    def run(kind, gives, *takes):
        operator = kind(task_id=gives, pipeline="parcels", **{name: done[name] for name in takes})
        done[gives] = json.dumps(operator.execute(context), allow_nan=False)
        return operator

    run(sensors.WaitForPredictions, "predictions")
    profiled = run(monitoring.ProfileWindow, "window", "predictions")
    assert profiled.headline == "0 rows of 2013-03-17 to 2013-03-18"
    run(monitoring.ScoreDrift, "drift", "window")
    run(sensors.WaitForLabels, "labels", "predictions")
    run(monitoring.ScorePerformance, "performance", "window", "labels")
    decided = run(monitoring.DecideRetraining, "decision", "window", "labels", "drift", "performance")
    assert decided.headline.startswith("WAIT: ")
    return DecisionRef.model_validate_json(done["decision"])


def test_each_task_takes_what_others_hand_on_and_a_backfill_decides_nothing(tmp_path, monkeypatch, context_of):
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRLOOP_PIPELINES", str(tmp_path / "pipelines"))
    folder = tmp_path / "pipelines" / "parcels"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC)
    ledger, monday = Workspace.from_environment().ledger, datetime(2013, 3, 18, 6, tzinfo=UTC)

    looked_back = run_all(context_of(run_type="backfill", interval_end=monday))
    assert not looked_back.is_binding and ledger.entries("parcels", "decision") == []
    decided = run_all(context_of(run_type="scheduled", interval_end=monday))
    assert decided.is_binding and decided.as_of == monday
    (entry,) = ledger.entries("parcels", "decision")
    assert entry.subject == decided.window and entry.payload["run_id"] == "run-1"


def test_every_operator_tells_its_parameters():
    kinds = [kind for kind in vars(monitoring).values() if isinstance(kind, type) and "execute" in vars(kind)]
    ours = [kind for kind in kinds if kind.__module__ == monitoring.__name__]
    assert len(ours) == 4
    for kind in ours:
        assert ":param pipeline:" in (kind.__doc__ or ""), kind
        for field in kind.template_fields:
            assert f":param {field}:" in (kind.__doc__ or ""), (kind, field)


def test_the_alias_is_no_asset(task):
    """Airflow emits an event for each asset among the outlets when the task succeeds, whatever it decided."""
    assert not any(isinstance(outlet, Asset) for outlet in task.outlets)
