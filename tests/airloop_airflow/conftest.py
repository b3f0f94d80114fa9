"""Contexts as Airflow gives them to a task: the edge, here made by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest


class Events(dict[str, list[Any]]):
    """Asset events by asset, as a run that they started sees them."""


class TaskInstance:
    """Keeps what a task pushes, and knows the states of other tasks by run and task."""

    map_index = -1
    try_number = 1
    dag_id, run_id, task_id = "parcels.train", "run-1", "a_step"

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}
        self.stats_tags: dict[str, str] = {}
        self.states: dict[str, dict[str, str | None]] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def get_task_states(self, *, dag_id: str, run_ids: list[str]) -> dict[str, dict[str, str | None]]:
        return {run_id: self.states[run_id] for run_id in run_ids if run_id in self.states}


class StateStore(dict[str, Any]):
    """What a task keeps from try to try."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)


@pytest.fixture
def context_of():
    """Make a context: by default of a run by hand, which has no data interval and no logical date."""

    def make(*, run_type: str = "manual", interval_end: datetime | None = None, events: Any = (), **form: Any):
        run = SimpleNamespace(
            run_type=run_type,
            run_id="run-1",
            run_after=datetime(2026, 11, 22, 10, tzinfo=UTC),
            data_interval_end=interval_end,
            triggering_user_name="ann",
        )
        signals = Events({"parcels/retrain": [SimpleNamespace(extra=extra) for extra in events]} if events else {})
        return {
            "dag_run": run,
            "run_id": run.run_id,
            "params": form,
            "triggering_asset_events": signals,
            "ti": TaskInstance(),
            "task_state_store": StateStore(),
        }

    return make
