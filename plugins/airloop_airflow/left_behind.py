"""Containers of steps whose task will not come back for them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from docker.errors import NotFound

from airloop.engine import labels
from airloop.engine.connection import LABEL
from airloop_airflow.abandoned import is_abandoned, names_of

if TYPE_CHECKING:
    from docker import APIClient

    from airloop.workspace import Workspace


def remove(client: APIClient, workspace: Workspace, ti: Any) -> None:
    """End and remove the containers of this stack whose tasks are over; not that of ``ti``, which asks."""
    wanted = [f"{name}={value}" for name, value in labels(workspace, "step").items()]
    for container in client.containers(all=True, filters={"label": wanted}):
        told = {name: container["Labels"].get(f"{LABEL}.{name}", "") for name in ("dag", "run", "task", "map")}
        has_ended, age_s = container["State"] in ("exited", "dead"), time.time() - container["Created"]
        if told != names_of(ti) and is_abandoned(told, ti, has_ended=has_ended, age_s=age_s):
            with suppress(NotFound):
                client.remove_container(container["Id"], force=True, v=True)
