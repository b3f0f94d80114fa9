"""What a page of Airflow is about: from the ids in its address to what is shown there."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

import msgspec

from airloop.errors import AirloopError
from airloop.overview.facts import of_run
from airloop.overview.shapes import Placed

if TYPE_CHECKING:
    from airloop.workspace import Workspace

Tab = Literal["", "why", "time-line", "candidate", "rollout", "data", "window"]

TRAINING: dict[str, Tab] = {
    "take_snapshot": "data",
    "validate_data": "data",
    "train_model": "candidate",
    "judge_candidate": "candidate",
    "approve_release": "candidate",
    "package_bundle": "candidate",
    "verify_bundle": "candidate",
    "release": "rollout",
}
"""Task of ``<pipeline>.train``, in their order → what its page shows."""


def place(pipelines: Collection[str], dag_id: str, run_id: str, task_id: str) -> Placed | None:
    """Return what the page of a DAG, a run or a task is about; None where its DAG is of none of ``pipelines``."""
    name, _, kind = dag_id.rpartition(".")
    if name not in pipelines or kind not in ("train", "monitor", "rollback"):
        return None
    asked = {"run": run_id, "task": task_id} if run_id else {}
    query = urlencode({key: value for key, value in asked.items() if value})
    return Placed(pipeline=name, tab=_tab(kind, run_id, task_id), query=query)


def _tab(kind: str, run_id: str, task_id: str) -> Tab:
    if kind == "rollback":
        return "time-line"
    if kind == "monitor":
        return "window" if run_id else "time-line"
    if task_id:
        return TRAINING.get(task_id, "why" if run_id else "")
    return "why" if run_id else ""


def with_version(workspace: Workspace, placed: Placed, run_id: str) -> Placed:
    """Return it with the version that came of the run; without one while the ledger does not answer."""
    if not run_id or placed.tab not in ("candidate", "rollout"):
        return placed
    try:
        judged = of_run(workspace.ledger, placed.pipeline, run_id).last("judged")
    except AirloopError:
        return placed
    return msgspec.structs.replace(placed, version=str(judged.payload["version"])) if judged else placed
