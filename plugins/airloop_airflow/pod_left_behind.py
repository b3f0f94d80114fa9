"""Pods of steps whose task will not come back for them, and those that were kept to be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airloop.cluster import GROUP, labels
from airloop_airflow import pod_outcome
from airloop_airflow.abandoned import is_abandoned, names_of

if TYPE_CHECKING:
    from airloop.cluster import Cluster
    from airloop.workspace import Workspace

KEPT = f"{GROUP}/kept"
"""Annotation of a pod whose outcome was taken, and that stays to be looked at."""
KEPT_S = 7 * 86_400
"""How long."""


def told_by(pod: Mapping[str, Any]) -> dict[str, str]:
    """Return the task that a pod was made for, as ``names_of`` names it."""
    noted = pod["metadata"].get("annotations", {})
    return {name: noted.get(f"{GROUP}/{name}", "") for name in ("dag", "run", "task", "map")}


def remove(cluster: Cluster, workspace: Workspace, ti: Any) -> None:
    """End and remove the pods of this stack whose tasks are over; not that of ``ti``, which asks."""
    for name in list(_left_behind(cluster.list("v1", "Pod", labels(workspace, "step")), ti)):
        cluster.delete("v1", "Pod", name, grace_s=0)


def _left_behind(pods: list[dict[str, Any]], ti: Any) -> Iterator[str]:
    now = datetime.now(UTC)
    for pod in pods:
        told, age_s = told_by(pod), pod_outcome.age_s(pod, now)
        if KEPT in pod["metadata"].get("annotations", {}):
            if age_s > KEPT_S:
                yield pod["metadata"]["name"]
        elif told != names_of(ti) and not pod_outcome.is_leaving(pod):
            if is_abandoned(told, ti, has_ended=pod_outcome.has_ended(pod), age_s=age_s):
                yield pod["metadata"]["name"]
