"""What keys for a Kubernetes cluster say together."""

from __future__ import annotations

from collections.abc import Iterator

from airloop.spec.model import Spec, Step, Toleration
from airloop.spec.problems import KeyPath


def check_pods(spec: Spec) -> Iterator[tuple[KeyPath, str]]:
    """Give every contradiction between keys that place pods or set how many there are."""
    autoscale, replicas = spec.serving.autoscale, spec.serving.replicas
    if autoscale and autoscale.most <= replicas:
        yield ("serving", "autoscale", "most"), f"{autoscale.most} must be above `replicas`, {replicas}"
    for name in type(spec.runs_on).model_fields:
        yield from _step(("runs_on", name), getattr(spec.runs_on, name))


def _step(path: KeyPath, step: Step) -> Iterator[tuple[KeyPath, str]]:
    for key in ("nodes", "tolerations"):
        if getattr(step, key) and step.on != "kubernetes":
            yield (*path, key), f"only pods are placed on nodes, and `on` is {step.on}"
    for number, toleration in enumerate(step.tolerations):
        yield from _toleration((*path, "tolerations", number), toleration)


def _toleration(path: KeyPath, toleration: Toleration) -> Iterator[tuple[KeyPath, str]]:
    if toleration.operator == "Exists" and toleration.value is not None:
        yield (*path, "value"), f"{toleration.value!r} is compared with `operator: Equal` only"
    if toleration.operator == "Equal" and toleration.key is None:
        yield path, "give `key`: with `operator: Equal` its value is compared"
