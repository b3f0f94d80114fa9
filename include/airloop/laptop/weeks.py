"""Weeks of the past, one after the other: sent to the live endpoint, watched by Airflow, and what follows from it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airloop import clock, release
from airloop.laptop.airflow_api import AirflowApi
from airloop.laptop.follow import follow
from airloop.laptop.landing import DemoFailed
from airloop.laptop.stack import out, say
from airloop.monitoring.window import Window
from airloop.refs import Action
from airloop.replay import Replay, Traffic

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

PATIENCE_S = 60.0
"""Longest wait for the training that a decision asks for to appear in Airflow."""


@dataclass(frozen=True)
class Retrained:
    """The training that a decision asked for, and how it ended: the verdict, and the release if there was one."""

    run_id: str
    outcome: str
    version: str
    reasons: tuple[str, ...]
    report: str


@dataclass(frozen=True)
class Week:
    """What monitoring said of a window; the parts are the refs that its tasks handed on."""

    window: dict[str, Any]
    drift: dict[str, Any]
    performance: dict[str, Any]
    decision: dict[str, Any]
    retrained: Retrained | None = None

    @property
    def start(self) -> datetime:
        """Where the window begins."""
        return clock.parse(self.window["start"])

    @property
    def asks(self) -> bool:
        """Whether it asks for a retraining."""
        return bool(self.decision["action"] == Action.RETRAIN)


@dataclass(frozen=True)
class Weeks:
    """The past of ``replay``, week by week, watched by Airflow's ``<pipeline>.monitor``."""

    workspace: Workspace
    pipeline: Pipeline
    api: AirflowApi
    replay: Replay

    def look(self, tick: datetime) -> Week:
        """Send what comes before ``tick`` and have the window before it watched as of then."""
        self.replay.send(min(tick, self.replay.end))
        release.flush_predictions(self.workspace, self.pipeline)
        dag_id = f"{self.pipeline.name}.monitor"
        run_id = f"demo__{tick:%Y-%m-%d}__{time.strftime('%H:%M:%S')}"
        self.api.wait_for_dag(dag_id)
        self.api.trigger(dag_id, run_id, {"as_of": clock.iso(tick), "why": "make demo"})
        start = Window.latest(self.pipeline.spec.monitor, tick).start
        follow(self.api, dag_id, run_id, out, briefly=f"watching the week of {start:%Y-%m-%d}")
        tasks = ("profile_window", "score_drift", "score_performance", "decide_retraining")
        return Week(*(self.api.result(dag_id, run_id, task) for task in tasks))

    def retrain(self, known: frozenset[str]) -> Retrained:
        """Follow the training that the asset starts, while requests go on; it is none of the runs ``known`` before."""
        dag_id = self._training
        with Traffic(self.replay) as traffic:

            def see(states: dict[str, str]) -> None:
                if states.get("release") == "running":
                    traffic.hurry()

            run_id = self._started(known)
            say(f"the asset started a training: {self.api.page(dag_id, run_id)}")
            follow(self.api, dag_id, run_id, out, see=see)
        verdict = self.api.result(dag_id, run_id, "judge_candidate") or {}
        released = self.api.result(dag_id, run_id, "release") or {}
        model = self.api.result(dag_id, run_id, "train_model") or {}
        return Retrained(
            run_id=run_id,
            outcome=released.get("outcome") or verdict.get("outcome") or "NOT_NEEDED",
            version=model.get("version", ""),
            reasons=tuple(released.get("reasons") or verdict.get("reasons") or ()),
            report=verdict.get("report", ""),
        )

    def trainings(self) -> frozenset[str]:
        """Return the trainings that the asset started so far."""
        return frozenset(run["dag_run_id"] for run in self.api.runs(self._training, "asset_triggered"))

    @property
    def _training(self) -> str:
        return f"{self.pipeline.name}.train"

    def _started(self, known: frozenset[str]) -> str:
        deadline = time.monotonic() + PATIENCE_S
        while not (new := self.trainings() - known):
            if time.monotonic() > deadline:
                raise DemoFailed(f"no training appeared within {PATIENCE_S:.0f} s of the decision to retrain")
            time.sleep(0.3)
        return max(new)


def replayed(weeks: Weeks, ticks: list[datetime]) -> Iterator[Week]:
    """Yield each tick's week, then, where it asks for a retraining, the same with what became of it."""
    for tick in ticks:
        known = weeks.trainings()
        week = weeks.look(tick)
        yield week
        if week.asks:
            yield Week(week.window, week.drift, week.performance, week.decision, weeks.retrain(known))
