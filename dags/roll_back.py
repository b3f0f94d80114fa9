"""
# Roll back

Makes an earlier version of a pipeline's model the champion again, at once and without training.

**When to use it.** The champion answers badly and there is no time to find out why. *Trigger* it, say the reason, and
leave *To version* empty for the previous champion. `python -m airloop history <pipeline>` lists the others.

**What it does.** The server switches without losing a request. The ledger keeps the reason, and who asked. The
champion's data gets older by this: it is the only thing that may do so, and the next training releases over it as
usual.

**When it fails.** The champion stays. The red task's log says why: no earlier release, an unknown version, or a server
that does not answer.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airloop_airflow import form, specs
from airloop_airflow.notifications import callbacks
from airloop_airflow.operators import ReadSpec, RollBack
from airloop_airflow.retries import RetryWhatCanHeal

readable, broken = specs.read_all()

for spec in readable:
    with DAG(
        f"{spec.name}.rollback",
        description=f"Make an earlier version of {spec.name} the champion again",
        doc_md=__doc__,
        schedule=None,
        catchup=False,
        max_active_runs=1,
        params=form.rolling_back(),
        tags=["airloop", "rollback", *spec.tags],
        default_args={
            "owner": spec.owner,
            "retries": 2,
            "retry_delay": timedelta(seconds=5),
            "retry_policy": RetryWhatCanHeal(),
            **callbacks(spec),
        },
    ):
        RollBack(task_id="roll_back", pipeline=spec.name)

for pipeline in broken:
    with DAG(
        f"{pipeline.name}.rollback",
        description=f"{pipeline.name} cannot be read: its description is wrong",
        doc_md=specs.broken_page(pipeline),
        schedule=None,
        catchup=False,
        tags=["airloop", "broken", "rollback"],
        default_args={"retries": 0},
    ):
        ReadSpec(task_id="read_spec", pipeline=pipeline.name)
