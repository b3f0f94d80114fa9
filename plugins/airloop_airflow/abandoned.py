"""What a step runs in, whose task will not come back for it: its run was ended, or its tries were used up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OVER = {"success", "failed", "skipped", "upstream_failed", "removed"}
"""States of a task that is not tried again."""
FORGOTTEN_S = 86_400
"""Age from which what has ended is removed where Airflow no longer knows its task."""


def names_of(ti: Any) -> dict[str, str]:
    """Return what names a task, whatever its try, as containers and pods carry it."""
    return {"dag": ti.dag_id, "run": ti.run_id, "task": ti.task_id, "map": str(ti.map_index)}


def is_abandoned(told: Mapping[str, str], ti: Any, *, has_ended: bool, age_s: float) -> bool:
    """Return whether nobody comes back for what was made for the task that ``told`` names; ``ti`` asks Airflow."""
    states = ti.get_task_states(dag_id=told["dag"], run_ids=[told["run"]]).get(told["run"])
    task = told["task"] if told["map"] == "-1" else f"{told['task']}_{told['map']}"
    if states is not None and task in states:
        return str(states[task]) in OVER
    return has_ended and age_s > FORGOTTEN_S
