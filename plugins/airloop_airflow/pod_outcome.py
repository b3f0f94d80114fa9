"""What a pod's status says about its step: whether it has begun, why not, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airloop.errors import StepFailed, StepInterrupted
from airloop.spec.fields import format_size
from airloop_airflow.pod_manifest import CONTAINER

if TYPE_CHECKING:
    from airloop.spec.model import Step

Pod = Mapping[str, Any]

INTERRUPTED = {137, 143, 255}
"""Exit codes of a process that was ended from outside: killed, told to end, or lost with its node."""
NEVER = {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"}
"""Why a container waits that nothing heals but a change."""
UNPULLED = {"ErrImagePull", "ImagePullBackOff"}
NOT_THERE = ("not found", "manifest unknown", "does not exist", "unauthorized", "denied", "forbidden")
"""What registries say of an image that waiting does not bring."""


def has_begun(pod: Pod) -> bool:
    """Return whether the step's process was started, be it over by now."""
    return "running" in _state(pod) or has_ended(pod)


def has_ended(pod: Pod) -> bool:
    """Return whether the step is over. The pod itself may live on where others put containers into it."""
    return pod["status"].get("phase") in ("Succeeded", "Failed") or "terminated" in _state(pod)


def is_leaving(pod: Pod) -> bool:
    """Return whether somebody has asked for the pod's end: it was deleted or evicted."""
    return "deletionTimestamp" in pod["metadata"]


def age_s(pod: Pod, now: datetime) -> float:
    """Return the seconds since the pod was made."""
    return (now - datetime.fromisoformat(pod["metadata"]["creationTimestamp"])).total_seconds()


def waits_for(pod: Pod) -> str:
    """Return why the step has not begun, in the cluster's words; "" where they are only in the pod's events."""
    waiting = _state(pod).get("waiting", {})
    if waiting.get("reason", "ContainerCreating") not in ("ContainerCreating", "PodInitializing"):
        return ": ".join(filter(None, (waiting["reason"], waiting.get("message"))))
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', 'Unschedulable')}: {condition.get('message', '')}"
    return ""


def will_never_begin(pod: Pod, events: str) -> bool:
    """Return whether waiting cannot help; ``events`` tells what older kubelets' statuses leave out."""
    waiting = _state(pod).get("waiting", {})
    said = f"{waiting.get('message', '')} {events}".lower()
    is_gone = waiting.get("reason") in UNPULLED and any(words in said for words in NOT_THERE)
    return is_gone or waiting.get("reason") in NEVER


def has_trouble(pod: Pod) -> bool:
    """Return whether the step waits for more than its turn."""
    return _state(pod).get("waiting", {}).get("reason") in UNPULLED | NEVER


def cannot_be_pulled(pod: Pod) -> bool:
    """Return whether the step waits for its image."""
    return _state(pod).get("waiting", {}).get("reason") in UNPULLED


def left(pod: Pod) -> str | None:
    """Return what the step left behind, as JSON; None where it ended without a word, or what is there is not its."""
    message = _state(pod).get("terminated", {}).get("message", "")
    try:
        value = json.loads(message)
    except ValueError:
        return None
    return message if isinstance(value, dict) and value.keys() & {"ref", "error", "stored"} else None


def without_a_word(pod: Pod, step: str, limits: Step, said: str) -> StepFailed:
    """Return, as an error, why a pod ended whose step left nothing; ``said`` are the last lines of its log."""
    ended, status = _state(pod).get("terminated", {}), pod["status"]
    code, reason = ended.get("exitCode"), ended.get("reason", "")
    if reason == "OOMKilled":
        limit = f"runs_on.{step}.memory = {format_size(limits.memory)}" if limits.memory else "its node has"
        return StepFailed(f"{step} needs more memory than {limit}: its pod was ended. Give it more")
    if status.get("reason"):
        return StepInterrupted(f"the pod of {step} was ended: {status['reason']}: {status.get('message', '')}")
    if code is None or code in INTERRUPTED:
        return StepInterrupted(f"the pod of {step} was ended from outside (exit code {code})")
    words = f"{reason}: {ended['message']}" if ended.get("message") else f"It said last: {said}"
    return StepFailed(f"the pod of {step} ended with exit code {code} and no result. {words}")


def _state(pod: Pod) -> Mapping[str, Any]:
    for status in pod["status"].get("containerStatuses", ()):
        if status["name"] == CONTAINER:
            state: Mapping[str, Any] = status.get("state", {})
            return state
    return {}
