"""
# Train to production

Takes one pipeline from its data to a live model, or says why not.

**When it runs.** On the spec's `schedule` (cron, UTC), when something asks for a retraining (the asset
`<pipeline>/retrain`), or by hand (*Trigger*). Backfill it over past dates to see how its models would have done: those
runs train and are judged as of their date, tell nobody, and end there unless the form says otherwise.

**A run that was asked for** says on its first task why: RETRAIN, the windows and their reasons. Of several that the
same decisions started one trains; the others end with that task, green, and name the one. An event that a person
creates (*Assets → Create asset event*) trains, too; `as_of` and `reason` in its extra are heeded.

**What it does.**

| task | does | look at |
| --- | --- | --- |
| `take_snapshot` | lists the rows known at `as_of`, and keeps them | its log: rows, missing intervals |
| `validate_data` | checks them against the expectations | *Data Docs* |
| `train_model` | fits the candidate and registers its version | *MLflow run* |
| `judge_candidate` | compares it with the gates and the champion: PROMOTE, HOLD or REJECT | *Report* |
| `approve_release` | asks a person, where the spec says so; no answer is a no | *Required actions* |
| `package_bundle` | freezes everything that serving needs under one digest | its log |
| `verify_bundle` | starts the real server on the bundle and compares its answers | its log |
| `release` | gives it traffic step by step, then all of it, or rolls it back | *Endpoint* |

**A green run with skipped tasks** released nothing, and that is all right: the last task before the skipped ones says
why, in its log and its result (XCom), and the tab *Airloop* says it in plain words. HOLD wants more labelled rows,
REJECT a better model. A `release` that is skipped was refused: its data is older, or releases are paused.

**A red run** has the reason in the log of the red task. Lost connections are tried again by themselves. Bad data or a
wrong spec is not: mend it, then *Clear* the task. Finished work is found again and not done twice. Whatever happens,
the champion keeps serving; `<pipeline>.rollback` takes back a release.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, chain

from airloop_airflow import deadlines, form, specs
from airloop_airflow.approval import approvals, approver
from airloop_airflow.assets import schedule_of
from airloop_airflow.notifications import callbacks
from airloop_airflow.operators import (
    JudgeCandidate,
    PackageBundle,
    ReadSpec,
    Release,
    TakeSnapshot,
    TrainModel,
    ValidateData,
    VerifyBundle,
)
from airloop_airflow.retries import RetryWhatCanHeal
from airloop_airflow.step import result_of

readable, broken = specs.read_all()

for spec in readable:
    with DAG(
        f"{spec.name}.train",
        description=spec.description or f"Take {spec.name} from its data to a live model",
        doc_md=__doc__,
        schedule=schedule_of(spec),
        catchup=False,
        max_active_runs=4,
        deadline=deadlines.of_training(spec),
        params=form.training(spec),
        tags=["airloop", "train", *spec.tags],
        default_args={
            "owner": spec.owner,
            "retries": 3,
            "retry_delay": timedelta(seconds=10),
            "retry_exponential_backoff": 2.0,
            "retry_policy": RetryWhatCanHeal(),
            **callbacks(spec),
        },
    ):
        take_snapshot = TakeSnapshot(task_id="take_snapshot", pipeline=spec.name)
        snapshot = result_of(take_snapshot)

        validate_data = ValidateData(task_id="validate_data", pipeline=spec.name, snapshot=snapshot)
        validation = result_of(validate_data)

        train_model = TrainModel(task_id="train_model", pipeline=spec.name, snapshot=snapshot, validation=validation)
        model = result_of(train_model)

        judge_candidate = JudgeCandidate(
            task_id="judge_candidate", pipeline=spec.name, snapshot=snapshot, validation=validation, model=model
        )
        verdict = result_of(judge_candidate)

        package_bundle = PackageBundle(
            task_id="package_bundle", pipeline=spec.name, snapshot=snapshot, model=model, verdict=verdict
        )
        bundle = result_of(package_bundle)

        verify_bundle = VerifyBundle(task_id="verify_bundle", pipeline=spec.name, bundle=bundle)
        verification = result_of(verify_bundle)

        release = Release(
            task_id="release",
            pipeline=spec.name,
            bundle=bundle,
            verdict=verdict,
            verification=verification,
            approved_by=approver(spec),
            max_active_tis_per_dag=1,
        )

        chain(
            take_snapshot,
            validate_data,
            train_model,
            judge_candidate,
            *approvals(spec),
            package_bundle,
            verify_bundle,
            release,
        )

for pipeline in broken:
    with DAG(
        f"{pipeline.name}.train",
        description=f"{pipeline.name} cannot be read: its description is wrong",
        doc_md=specs.broken_page(pipeline),
        schedule=None,
        catchup=False,
        tags=["airloop", "broken", "train"],
        default_args={"retries": 0},
    ):
        ReadSpec(task_id="read_spec", pipeline=pipeline.name)
