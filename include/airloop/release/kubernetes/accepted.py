"""Whether a Gateway takes an HTTPRoute: what it says of it, and what it means when it says nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airloop.errors import BundleError

if TYPE_CHECKING:
    from airloop.cluster import Cluster

log = logging.getLogger(__name__)

ACCEPTED_S = 10.0
"""Longest wait for a Gateway that knows a route to say that it takes a change of it."""
LOOK_S = 0.2


def wait(cluster: Cluster, route: Mapping[str, Any], gateway: str, *, silent_s: float) -> None:
    """Return once ``gateway`` ("namespace/name") takes ``route`` as it is now.

    Raises BundleError with its words when it refuses, and when nobody said anything of the route for ``silent_s``: no
    request would come by it. One that took it before, and says nothing of the change, is believed with a warning.
    """
    name, began = route["metadata"]["name"], time.monotonic()
    while (told := _told(cluster, route)) is None or "Accepted" not in told:
        passed_s = time.monotonic() - began
        if told is None and passed_s > silent_s:
            raise BundleError(
                f"nobody says anything of HTTPRoute {name} for {silent_s:g} s: is there a Gateway {gateway!r} "
                "(AIRLOOP_KUBERNETES_GATEWAY), and does its controller run?"
            )
        if told is not None and passed_s > ACCEPTED_S:
            log.warning("the Gateway says nothing of what HTTPRoute %s is now for %g s", name, ACCEPTED_S)
            return
        time.sleep(LOOK_S)


def _told(cluster: Cluster, route: Mapping[str, Any]) -> set[str] | None:
    """Return which conditions hold of the route as it is now, None where no Gateway ever spoke of it."""
    name = route["metadata"]["name"]
    found = cluster.get(route["apiVersion"], route["kind"], name) or {}
    parents = found.get("status", {}).get("parents") or ()
    told = [one for parent in parents for one in parent.get("conditions") or ()]
    current = [one for one in told if one.get("observedGeneration", 0) >= route["metadata"]["generation"]]
    refused = [one for one in current if one["status"] == "False"]
    if refused:
        why = "; ".join(f"{one['type']}: {one.get('reason')}: {one.get('message', '')}" for one in refused)
        raise BundleError(f"the Gateway does not take HTTPRoute {name}: {why}")
    return {one["type"] for one in current} if parents else None
