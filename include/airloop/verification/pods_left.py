"""Pods that verifications leave: their own when they end, and those of runs that died."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airloop import cluster
from airloop.errors import ClusterRefused, Unreachable
from airloop.verification.leftovers import STOP_S

if TYPE_CHECKING:
    from airloop.cluster import Cluster
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

DEADLINE_S = 900
"""The cluster ends a pod that runs for longer than this, whether or not we are there to delete it."""
OLD_S = DEADLINE_S + 300
"""With its wait for a node: nobody needs what is older."""


def sweep(connection: Cluster, workspace: Workspace, *, old_s: float = OLD_S) -> list[str]:
    """Remove what this stack's verifications left that began more than ``old_s`` seconds ago; return the names.

    Raises Unreachable and ClusterRefused.
    """
    # Not the clock of the data: the cluster's own, to a second.
    before = datetime.now(UTC) - timedelta(seconds=old_s)
    found = connection.list("v1", "Pod", cluster.labels(workspace, "verification"))
    old = [pod["name"] for pod in (one["metadata"] for one in found) if _is_left(pod, before)]
    for name in old:
        remove(connection, name)
    if old:
        log.warning("removed what verifications that died had left: %s", ", ".join(old))
    return old


def remove(connection: Cluster, name: str) -> None:
    """Delete a pod. Where the cluster does not do it now, the next sweep does."""
    try:
        connection.delete("v1", "Pod", name, grace_s=STOP_S)
    except (ClusterRefused, Unreachable) as error:
        log.warning("pod %s is left to the next verification: %s", name, error)


def _is_left(pod: Mapping[str, Any], before: datetime) -> bool:
    return "deletionTimestamp" not in pod and datetime.fromisoformat(pod["creationTimestamp"]) < before
