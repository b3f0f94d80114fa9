"""What Airflow knows of pipelines, in three questions to its metadata however many there are.

Only the web server runs this, which owns that database's models. Tasks never do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import func, select

from airloop.overview.shapes import Approval, InAirflow, Run

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

UNENDED = (DagRunState.QUEUED, DagRunState.RUNNING)
WAITS = (TaskInstanceState.AWAITING_INPUT, TaskInstanceState.DEFERRED)
"""A task that waits for a person. An unanswered question of a task that has ended, for example by a clear, is none."""


def look(names: Collection[str]) -> dict[str, InAirflow]:
    """Return what Airflow knows of each pipeline whose training it has read, by name."""
    ids = [f"{name}.train" for name in sorted(names)]
    with create_session() as session:
        running = {run.dag_id: run for run in _running(session, ids)}
        approvals: dict[str, list[Approval]] = {}
        for one in _approvals(session, ids):
            approvals.setdefault(one.dag_id, []).append(one)
        return {
            row.dag_id.removesuffix(".train"): InAirflow(
                next_run=None if row.is_stale else row.next_dagrun_create_after,
                is_paused=row.is_paused,
                running=running.get(row.dag_id),
                approvals=tuple(approvals.get(row.dag_id, ())),
            )
            for row in _schedules(session, ids)
        }


def _schedules(session: Session, ids: list[str]) -> list[Row[tuple[str, bool, bool, object]]]:
    columns = (DagModel.dag_id, DagModel.is_paused, DagModel.is_stale, DagModel.next_dagrun_create_after)
    return list(session.execute(select(*columns).where(DagModel.dag_id.in_(ids))))


def _running(session: Session, ids: list[str]) -> Iterator[Run]:
    """Yield the newest run that has not ended of each DAG: a backfill may have hundreds of them waiting."""
    newest = (
        select(func.max(DagRun.id)).where(DagRun.state.in_(UNENDED), DagRun.dag_id.in_(ids)).group_by(DagRun.dag_id)
    )
    columns = (DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.start_date, DagRun.queued_at)
    for row in session.execute(select(*columns).where(DagRun.id.in_(newest))):
        yield Run(dag_id=row.dag_id, run_id=row.run_id, state=str(row.state), since=row.start_date or row.queued_at)


def _approvals(session: Session, ids: list[str]) -> Iterator[Approval]:
    """Yield the open questions, the oldest first."""
    task = TaskInstance
    columns = (task.dag_id, task.run_id, task.task_id, task.map_index)
    asked = (HITLDetail.created_at, HITLDetail.subject, HITLDetail.assignees)
    open_ones = (
        select(*columns, *asked)
        .join(HITLDetail, HITLDetail.ti_id == task.id)
        .where(HITLDetail.responded_at.is_(None), task.state.in_(WAITS), task.dag_id.in_(ids))
        .order_by(HITLDetail.created_at, task.run_id)
    )
    for row in session.execute(open_ones):
        yield Approval(
            dag_id=row.dag_id,
            run_id=row.run_id,
            task_id=row.task_id,
            map_index=row.map_index,
            since=row.created_at,
            subject=row.subject,
            approvers=tuple(one["name"] for one in row.assignees or ()),
        )
