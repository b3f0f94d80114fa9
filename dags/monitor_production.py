"""
# Monitor production

Watches what the released model does, one window at a time, and decides whether retraining would help.

**When it runs.** On `monitor.schedule` of the spec (cron, UTC), or by hand (*Trigger*). A run looks at the last whole
window before its `as_of`. A window is judged once: whoever looks at it again, by hand or by clearing a task, finds the
same numbers and the same decision. Backfill it over past dates to see how those windows look; such a run decides
nothing.

**What it does.**

| task | does | look at |
| --- | --- | --- |
| `wait_for_predictions` | waits until the window's predictions are in the log | its headline: how many |
| `profile_window` | freezes them, each once, with a profile of every column | its headline: rows, version |
| `score_drift` | compares inputs and answers with what the model was trained on: OK, WARN or ACT | its headline |
| `wait_for_labels` | waits until enough of the true answers are known | its headline: how many |
| `score_performance` | computes how good the model was, and how sure that is: OK, WARN or ACT | its headline |
| `decide_retraining` | RETRAIN or WAIT by the spec's `retrain` rules, for the ledger | *Window report*, in its log |

RETRAIN starts `<pipeline>.train` with the reason, through the asset `<pipeline>/retrain`.

**While it waits** (*deferred*, violet) a task takes no worker. It waits until `monitor.predictions.wait` or
`monitor.labels.wait` after `as_of`, and no longer.

**A green run that says INCONCLUSIVE** had too few predictions or labels in that time, and says how many are missing.
That is no failure, and it starts no training. No predictions at all is an alarm: does anybody ask the model?

**A red run** has the reason in the log of the red task. Lost connections are tried again by themselves. A wrong spec or
rows that cannot be read are not: mend them, then *Clear* the task.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airloop_airflow import deadlines, form, specs
from airloop_airflow.assets import ticks
from airloop_airflow.monitoring import DecideRetraining, ProfileWindow, ScoreDrift, ScorePerformance
from airloop_airflow.notifications import callbacks
from airloop_airflow.operators import ReadSpec
from airloop_airflow.retries import RetryWhatCanHeal
from airloop_airflow.sensors import WaitForLabels, WaitForPredictions
from airloop_airflow.step import result_of

readable, broken = specs.read_all()

for spec in readable:
    with DAG(
        f"{spec.name}.monitor",
        description=f"Watch what {spec.name} does in production, and decide whether to train it anew",
        doc_md=__doc__,
        schedule=ticks(spec.monitor.schedule) if spec.monitor.schedule else None,
        catchup=False,
        # Labels may take longer than the next window: runs wait beside each other, and waiting takes no worker.
        max_active_runs=64,
        deadline=deadlines.of(spec),
        params=form.monitoring(),
        tags=["airloop", "monitor", *spec.tags],
        default_args={
            "owner": spec.owner,
            "retries": 3,
            "retry_delay": timedelta(seconds=10),
            "retry_exponential_backoff": 2.0,
            "retry_policy": RetryWhatCanHeal(),
            **callbacks(spec),
        },
    ):
        wait_for_predictions = WaitForPredictions(task_id="wait_for_predictions", pipeline=spec.name)
        predictions = result_of(wait_for_predictions)

        profile_window = ProfileWindow(task_id="profile_window", pipeline=spec.name, predictions=predictions)
        window = result_of(profile_window)

        score_drift = ScoreDrift(task_id="score_drift", pipeline=spec.name, window=window)
        drift = result_of(score_drift)

        wait_for_labels = WaitForLabels(task_id="wait_for_labels", pipeline=spec.name, predictions=predictions)
        labels = result_of(wait_for_labels)

        score_performance = ScorePerformance(
            task_id="score_performance", pipeline=spec.name, window=window, labels=labels
        )
        performance = result_of(score_performance)

        decide_retraining = DecideRetraining(
            task_id="decide_retraining",
            pipeline=spec.name,
            window=window,
            labels=labels,
            drift=drift,
            performance=performance,
            max_active_tis_per_dag=1,
        )

        wait_for_predictions >> [profile_window, wait_for_labels]
        profile_window >> [score_drift, score_performance]
        wait_for_labels >> score_performance
        [score_drift, score_performance] >> decide_retraining

for pipeline in broken:
    with DAG(
        f"{pipeline.name}.monitor",
        description=f"{pipeline.name} cannot be read: its description is wrong",
        doc_md=specs.broken_page(pipeline),
        schedule=None,
        catchup=False,
        tags=["airloop", "broken", "monitor"],
        default_args={"retries": 0},
    ):
        ReadSpec(task_id="read_spec", pipeline=pipeline.name)
