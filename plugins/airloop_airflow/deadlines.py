"""The deadline for a new champion, as Airflow keeps deadlines: looked at with every run that is made.

Airflow drops a deadline that lies ahead when its run ends well, so a run's deadline speaks of the champion's age up to
that run's end, and the next run looks again: a pipeline that is monitored daily is told within a day.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from airloop.spec import Spec
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)


def of(spec: Spec) -> DeadlineAlert | None:
    """Return the deadline of a DAG's runs; None where the spec gives none."""
    within = spec.monitor.fresh_champion_within
    if within is None:
        return None
    # In the triggerer: not every executor runs callbacks, and one that does not would stop the scheduler.
    callback = AsyncCallback(no_fresh_champion, kwargs={"pipeline": spec.name})
    reference = FreshChampion(spec.name, spec.release.target)
    return DeadlineAlert(reference, interval=within, callback=callback, name=f"{spec.name}: fresh champion")


def of_training(spec: Spec) -> DeadlineAlert | None:
    """Return the deadline of a training's runs: only where no scheduled monitoring looks at it more often."""
    return None if spec.monitor.schedule else of(spec)


class FreshChampion(BaseDeadlineReference):
    """When the version that is live was first released on a target; no deadline before the first release.

    :param pipeline: name of the pipeline.
    :param target: where it goes live.
    :param patience_s: how long whoever makes a run waits for the ledger.
    """

    required_kwargs: ClassVar[set[str]] = {"run_id"}

    def __init__(self, pipeline: str = "", target: str = "local", patience_s: float = 5.0) -> None:
        self.pipeline = pipeline
        self.target = target
        self.patience_s = patience_s

    def serialize_reference(self) -> dict[str, Any]:
        """Return what ``deserialize_reference`` reads."""
        return {**super().serialize_reference(), "pipeline": self.pipeline, "target": self.target}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> FreshChampion:
        """Return the reference again."""
        return cls(reference_data["pipeline"], reference_data["target"])

    def _evaluate_with(self, *, session: Session, run_id: str) -> datetime | None:
        """Return the instant that the deadline counts from, or None for no deadline; called where a run is made.

        Whatever is wrong with the ledger, the run is made: it only has no deadline.
        """
        if run_id.startswith("backfill__"):
            return None
        found: list[datetime | None] = []
        asking = threading.Thread(target=lambda: found.append(self._ask()), daemon=True, name="fresh-champion")
        asking.start()
        asking.join(self.patience_s)
        if not found:
            log.warning("%s: the ledger said nothing for %g s; the run has no deadline", self.pipeline, self.patience_s)
        return found[0] if found else None

    def _ask(self) -> datetime | None:
        try:
            return released_at(Workspace.from_environment(), self.pipeline, self.target)
        except Exception as error:
            # The edge of the scheduler's process: what is raised here would keep the run from being made.
            log.warning("%s: no deadline for a fresh champion: %s", self.pipeline, error)
            return None


def released_at(workspace: Workspace, pipeline: str, target: str) -> datetime | None:
    """Return when what is live was first released, None before the first release. A roll back makes nothing fresh."""
    history = workspace.ledger.champions(pipeline, target)
    if not history:
        return None
    first = history[0].released_as
    return next(champion.recorded_at for champion in history if champion.generation == first)


async def no_fresh_champion(pipeline: str, context: dict[str, Any]) -> str:
    """Tell that a pipeline's champion is too old; Airflow calls it in the triggerer when the deadline is over."""
    return await asyncio.to_thread(_tell, pipeline, context, datetime.now(UTC))


def _tell(name: str, context: dict[str, Any], now: datetime) -> str:
    """Tell it if it is still so, and return what was found."""
    from airloop.spec import find
    from airloop.spec.fields import format_duration
    from airloop_airflow import alert, notifications
    from airloop_airflow import context as run

    workspace = run.workspace()
    spec = find(name, workspace).spec
    within = spec.monitor.fresh_champion_within
    since = released_at(workspace, name, spec.release.target)
    if within is None or since is None or now - since < within:
        return "the champion is fresh"
    age = str(now - since).partition(".")[0]
    wanted = format_duration(within)
    reason = f"what is live was released at {since:%Y-%m-%d %H:%M} UTC, {age} ago; wanted within {wanted}"
    made = context["dag_run"]
    link = alert.run_page(made["dag_id"], made["dag_run_id"])
    told = alert.Alert(name, "no_fresh_champion", reasons=(reason,), link=link)
    notifications.tell(spec, told, {"run_id": made["dag_run_id"], **context})
    return reason
