"""Waiting for a pod: how long, and what to say when waiting cannot help any more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from airloop.errors import StepFailed, StepInterrupted, Unreachable
from airloop.spec.fields import format_duration
from airloop_airflow import pod_outcome

if TYPE_CHECKING:
    from airloop.cluster import Cluster
    from airloop.spec.model import Step

T = TypeVar("T")
PAUSE_S = 0.5
"""Between two looks at a pod."""
PATIENCE_S = 180
"""Longest silence of the API server that a try sits out, as while it is started again."""
GONE_S = 60
"""After which a pod that should have ended counts as lost, with its node."""
FEW = 3


def patiently(ask: Callable[[], T], patience_s: float) -> T:
    """Return what ``ask`` gives, and ask again while the API server is silent. Raises Unreachable."""
    until = time.monotonic() + patience_s
    while True:
        try:
            return ask()
        except Unreachable:
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE_S)


def look(cluster: Cluster, name: str, step: str, patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """Return the pod as it is now. Raises StepInterrupted where it was removed, or lost with its node; Unreachable."""
    pod = patiently(lambda: cluster.get("v1", "Pod", name), patience_s)
    if pod is None:
        raise StepInterrupted(f"the pod of {step} was removed while it was at work")
    if pod_outcome.is_leaving(pod) and not pod_outcome.has_ended(pod):
        due = datetime.fromisoformat(pod["metadata"]["deletionTimestamp"])
        if (datetime.now(UTC) - due).total_seconds() > GONE_S:
            node = pod["spec"].get("nodeName", "its node")
            raise StepInterrupted(f"the pod of {step} was told to end and is not heard of: {node} seems lost")
    return pod


def over(cluster: Cluster, pod: Mapping[str, Any], step: str, limits: Step) -> StepFailed | None:
    """Return why waiting for the step to begin is over, None while it is not."""
    is_late = pod_outcome.age_s(pod, datetime.now(UTC)) > limits.start_within.total_seconds()
    if not is_late and not pod_outcome.has_trouble(pod):
        return None
    events = warnings(cluster, pod["metadata"]["name"])
    said = pod_outcome.waits_for(pod)
    if events and events not in said:
        said = "; ".join(filter(None, (said, events)))
    if pod_outcome.will_never_begin(pod, events):
        return StepFailed(f"{step} cannot begin in its pod: {said}")
    if not is_late:
        return None
    limit = f"within runs_on.{step}.start_within = {format_duration(limits.start_within)}"
    kind = StepInterrupted if pod_outcome.cannot_be_pulled(pod) else StepFailed
    return kind(f"{step} did not begin in its pod {limit}: {said or 'the cluster does not say why'}")


def warnings(cluster: Cluster, pod: str) -> str:
    """Return the latest warnings among a pod's events, in the cluster's words."""
    fields = {"involvedObject.name": pod, "involvedObject.kind": "Pod", "type": "Warning"}
    found = cluster.list("v1", "Event", {}, fields)
    found.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return "; ".join(dict.fromkeys(f"{event['reason']}: {event['message']}" for event in found[-FEW:]))
