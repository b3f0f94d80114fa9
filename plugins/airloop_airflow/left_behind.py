"""Containers of steps whose task will not come back for them: its run was ended, or its tries were used up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from docker.errors import NotFound

from airloop.engine import labels
from airloop.engine.connection import LABEL

if TYPE_CHECKING:
    from docker import APIClient

    from airloop.workspace import Workspace

OVER = {"success", "failed", "skipped", "upstream_failed", "removed"}
"""States of a task that is not tried again."""
FORGOTTEN_S = 86_400
"""Age from which a container that has ended is removed where Airflow no longer knows its task."""


def names_of(ti: Any) -> dict[str, str]:
    """Return what names a task's container, as its labels say it; the try does not matter."""
    return {"dag": ti.dag_id, "run": ti.run_id, "task": ti.task_id, "map": str(ti.map_index)}


def remove(client: APIClient, workspace: Workspace, ti: Any) -> None:
    """End and remove the containers of this stack whose tasks are over; not that of ``ti``, which asks."""
    wanted = [f"{name}={value}" for name, value in labels(workspace, "step").items()]
    for container in client.containers(all=True, filters={"label": wanted}):
        told = {name: container["Labels"].get(f"{LABEL}.{name}", "") for name in ("dag", "run", "task", "map")}
        if told != names_of(ti) and _is_left_behind(container, told, ti):
            with suppress(NotFound):
                client.remove_container(container["Id"], force=True, v=True)


def _is_left_behind(container: Mapping[str, Any], told: Mapping[str, str], ti: Any) -> bool:
    states = ti.get_task_states(dag_id=told["dag"], run_ids=[told["run"]]).get(told["run"])
    task = told["task"] if told["map"] == "-1" else f"{told['task']}_{told['map']}"
    if states is not None and task in states:
        return str(states[task]) in OVER
    is_ended = container["State"] in ("exited", "dead")
    return is_ended and time.time() - container["Created"] > FORGOTTEN_S
