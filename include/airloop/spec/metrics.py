"""Which metrics a pipeline is about, as its gates and its monitoring name them."""

from __future__ import annotations

from airloop.spec.gates import ChampionGate, LimitGate
from airloop.spec.model import Spec
from airloop.spec.words import METRICS, Task


def metrics_of(task: Task) -> list[str]:
    """Return all metrics of a task, sorted."""
    return [name for name, metric in METRICS.items() if task in metric.tasks]


def named_metrics(spec: Spec) -> list[str]:
    """Return the metrics that gates or monitoring name, the main one first; without any, the task's first one."""
    named = [gate for gate in spec.gates if not isinstance(gate, LimitGate)]
    versus = [gate.metric for gate in named if isinstance(gate, ChampionGate)]
    found = [*versus, *(gate.metric for gate in named), *(decay.metric for decay in spec.monitor.performance)]
    return list(dict.fromkeys(found)) or metrics_of(spec.model.task)[:1]


def worse(metric: str, value: float, loss: float) -> float:
    """Return ``value`` of a metric made worse by ``loss``."""
    return value - loss if METRICS[metric].more_is_better else value + loss


def main_metric(spec: Spec) -> str:
    """Return what a pipeline is judged by above all: the metric compared with the champion, else the first named."""
    return named_metrics(spec)[0]
