"""A run of Airflow as it happens: one line per task, with what each found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from graphlib import TopologicalSorter
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from airloop.errors import AirloopError
from airloop.laptop.airflow_api import ENDED, AirflowApi

MARKS = {
    "success": ("✓", "green"),
    "failed": ("✗", "red"),
    "upstream_failed": ("✗", "red"),
    "skipped": ("-", "dim"),
    "running": ("▸", "cyan"),
    "up_for_retry": ("↻", "yellow"),
    "awaiting_input": ("?", "yellow"),
}
WAITING = ("·", "dim")
DONE = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})

FOUND: dict[str, Callable[[dict[str, Any]], str]] = {
    "take_snapshot": lambda ref: f"{ref['rows']:,} rows in {ref['partitions']} partitions, known at {ref['as_of']}",
    "validate_data": lambda ref: f"{ref['quarantined']:,} rows quarantined, {len(ref['warnings'])} warnings",
    "train_model": lambda ref: f"version {ref['version']}  {_numbers(ref['metrics'])}",
    "judge_candidate": lambda ref: f"{ref['outcome']}",
    "package_bundle": lambda ref: f"bundle {ref['digest'][:12]}",
    "verify_bundle": lambda ref: f"p99 {ref['latency_p99_ms']:.1f} ms, {ref['bundle_mb']:.1f} MB",
    "release": lambda ref: f"{ref['outcome']} to {ref['target']}, generation {ref['generation']}",
    "roll_back": lambda ref: f"version {ref['version']} is live",
}
"""What a task's result says in one line."""


Show = Callable[[AirflowApi, str, str, Console, "Watched", float], str]
"""Shows a run until it ends, or a deadline, and returns its state."""


class RunFailed(AirloopError):
    """A run of Airflow ended badly; the message has the end of the failing task's log."""


States = dict[str, str]
"""Task → state."""


@dataclass
class Watched:
    """What was seen of a run so far."""

    order: list[str]
    see: Callable[[States], None]
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)


def follow(
    api: AirflowApi,
    dag_id: str,
    run_id: str,
    out: Console,
    *,
    briefly: str = "",
    see: Callable[[States], None] = lambda states: None,
    timeout_s: float = 900,
) -> str:
    """Show a run until it ends and return its state: a live table at a terminal, a line per event elsewhere.

    With ``briefly``, what the run is for, there is one line that is gone with the run. ``see`` is told the tasks'
    states now and then. Raises RunFailed, with the end of the log, when a task failed.
    """
    watched = Watched(_in_order(api.request("GET", f"/dags/{dag_id}/tasks")["tasks"]), see)
    show: Show = _live if out.is_terminal else _lines
    if briefly:
        show = partial(_brief, briefly)
    state = show(api, dag_id, run_id, out, watched, time.monotonic() + timeout_s)
    if state != "success":
        raise RunFailed(_what_failed(api, dag_id, run_id, watched))
    return state


def _in_order(tasks: list[dict[str, Any]]) -> list[str]:
    """Return the task ids, each after those that it waits for."""
    waits_for: dict[str, set[str]] = {task["task_id"]: set() for task in tasks}
    for task in tasks:
        for later in task["downstream_task_ids"]:
            waits_for[later].add(task["task_id"])
    return list(TopologicalSorter(waits_for).static_order())


def _look(api: AirflowApi, dag_id: str, run_id: str, watched: Watched) -> tuple[str, list[str]]:
    """Return the run's state and the tasks whose state is new."""
    state = str(api.run(dag_id, run_id)["state"])
    tasks = api.tasks(dag_id, run_id)
    changed = [name for name in watched.order if _state(tasks, name) != _state(watched.tasks, name)]
    watched.tasks = tasks
    watched.see({name: _state(tasks, name) for name in tasks})
    for name in changed:
        if _state(tasks, name) in DONE and name in FOUND:
            result = api.result(dag_id, run_id, name)
            watched.found[name] = FOUND[name](result) if result else ""
    return state, changed


def _live(api: AirflowApi, dag_id: str, run_id: str, out: Console, watched: Watched, deadline: float) -> str:
    with Live(console=out, refresh_per_second=8, transient=False) as live:
        while True:
            state, _ = _look(api, dag_id, run_id, watched)
            live.update(_table(watched))
            if state in ENDED or time.monotonic() > deadline:
                return state
            time.sleep(0.4)


def _lines(api: AirflowApi, dag_id: str, run_id: str, out: Console, watched: Watched, deadline: float) -> str:
    while True:
        state, changed = _look(api, dag_id, run_id, watched)
        for name in changed:
            if _state(watched.tasks, name) in {*MARKS}:
                out.print(_line(watched, name))
        if state in ENDED or time.monotonic() > deadline:
            return state
        time.sleep(0.4)


def _brief(
    what: str, api: AirflowApi, dag_id: str, run_id: str, out: Console, watched: Watched, deadline: float
) -> str:
    with out.status(Text(what)) as status:
        while True:
            state, _ = _look(api, dag_id, run_id, watched)
            at_work = [name for name in watched.order if _state(watched.tasks, name) == "running"]
            status.update(Text(f"{what}: {', '.join(at_work)}" if at_work else what))
            if state in ENDED or time.monotonic() > deadline:
                return state
            time.sleep(0.2)


def _table(watched: Watched) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for name in watched.order:
        mark, style = MARKS.get(_state(watched.tasks, name), WAITING)
        seconds = _seconds(watched.tasks.get(name))
        table.add_row(Text(mark, style), Text(name, style), Text(seconds, "dim"), watched.found.get(name, ""))
    return Group(table)


def _line(watched: Watched, name: str) -> str:
    state = _state(watched.tasks, name)
    mark, _ = MARKS.get(state, WAITING)
    seconds = _seconds(watched.tasks.get(name)) if state in DONE else ""
    return f"  {mark} {name:<16} {state:<9} {seconds:>7}  {watched.found.get(name, '')}".rstrip()


def _seconds(task: dict[str, Any] | None) -> str:
    """Return how long a task has run so far, or ran."""
    if not task or not task.get("start_date"):
        return ""
    start = datetime.fromisoformat(task["start_date"])
    end = datetime.fromisoformat(task["end_date"]) if task.get("end_date") else datetime.now(start.tzinfo)
    return f"{(end - start).total_seconds():.1f} s"


def _state(tasks: dict[str, dict[str, Any]], name: str) -> str:
    return str(tasks.get(name, {}).get("state"))


def _numbers(metrics: dict[str, float]) -> str:
    return "  ".join(f"{name} {float(value):.4g}" for name, value in list(metrics.items())[:4])


def _what_failed(api: AirflowApi, dag_id: str, run_id: str, watched: Watched) -> str:
    for name in watched.order:
        if _state(watched.tasks, name) == "failed":
            lines = "\n".join(api.log(dag_id, run_id, name, watched.tasks[name]["try_number"])).splitlines()
            tail = [line for line in lines if not line.startswith("::")][-20:]
            return f"{dag_id}: {name} failed; the end of its log:\n" + "\n".join(f"  {line}" for line in tail)
    states = {name: _state(watched.tasks, name) for name in watched.order}
    return f"{dag_id}: run {run_id} did not end well in time: {states}"
