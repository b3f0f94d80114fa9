from __future__ import annotations

import pendulum
import pytest
from airflow.sdk import Asset, AssetAlias

ARROWS = {
    ("wait_for_predictions", "profile_window"),
    ("wait_for_predictions", "wait_for_labels"),
    ("profile_window", "score_drift"),
    ("profile_window", "score_performance"),
    ("wait_for_labels", "score_performance"),
    ("score_drift", "decide_retraining"),
    ("score_performance", "decide_retraining"),
}


@pytest.fixture
def monitor(write, read_dags):
    """Read the monitoring of a pipeline whose spec has ``more``."""

    def read(more: str = ""):
        write("parcels", more)
        return read_dags()["parcels.monitor"]

    return read


def stored(dag):
    """Return the DAG as the scheduler sees it."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


def test_drift_needs_no_labels_and_the_decision_needs_both(monitor):
    dag = monitor()
    assert {(task.task_id, later) for task in dag.tasks for later in task.downstream_task_ids} == ARROWS
    assert "score_drift" not in dag.get_task("wait_for_labels").get_flat_relative_ids(upstream=False)


def test_it_is_backfilled_by_the_ticks_of_its_own_schedule(monitor):
    dag = stored(monitor('schedule: "0 6 * * MON"\nmonitor: {schedule: "30 12 * * *"}'))
    ticks = dag.iter_dagrun_infos_between(pendulum.datetime(2013, 3, 1), pendulum.datetime(2013, 3, 3))
    assert [info.data_interval.end.isoformat() for info in ticks] == [
        "2013-03-01T12:30:00+00:00",
        "2013-03-02T12:30:00+00:00",
    ]


def test_without_a_schedule_it_runs_by_hand(monitor):
    assert monitor("monitor: {schedule: null}").schedule is None


def test_a_window_that_waits_for_labels_does_not_hold_up_the_next(monitor):
    dag = monitor('monitor: {schedule: "@hourly", window: 1h, labels: {wait: 2d}}')
    assert dag.max_active_runs > 2 * 24
    assert not any(task.depends_on_past for task in dag.tasks)


def test_decisions_are_made_one_after_the_other(monitor):
    """Each sees those before it in the ledger: two at once would not."""
    assert monitor().get_task("decide_retraining").max_active_tis_per_dag == 1


def test_no_task_asks_for_a_training_just_by_ending_well(monitor):
    """Airflow emits an event for each asset among a task's outlets when the task succeeds; for an alias it does not."""
    outlets = [outlet for task in monitor().tasks for outlet in task.outlets]
    assert [type(outlet) for outlet in outlets] == [AssetAlias]
    assert not any(isinstance(outlet, Asset) for outlet in outlets)


def test_the_form_asks_for_nothing(monitor):
    params = monitor().params
    assert {name: params[name] for name in params} == {"as_of": None, "why": None}


def test_it_says_what_it_is(write, read_dags):
    write("parcels", "owner: post\ntags: [logistics]")
    dag = read_dags()["parcels.monitor"]
    assert dag.tags == {"airloop", "monitor", "logistics"}
    assert "# Monitor production" in dag.doc_md
    assert all(f"| `{task.task_id}` |" in dag.doc_md for task in dag.tasks)
    assert dag.get_task("score_drift").owner == "post" and dag.get_task("score_drift").retries == 3
