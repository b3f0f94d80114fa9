"""What sensors and triggers wait for: one look now, whether it is the last one, and when the next is worth it.

The only time of day in monitoring is here: a past that is looked at again has nothing left to wait for, so it gets the
same answer at once that it got after waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from airloop import clock
from airloop.errors import DataError
from airloop.refs import Handed, LabelsArrived, PredictionsArrived

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

PAUSE = timedelta(seconds=30)
"""Between two looks at the prediction log, which the server writes as often; and after a store that did not answer."""
SETTLED = timedelta(minutes=2)
"""How long after a window's end its last predictions may still be on their way to the log."""
SKEW = timedelta(minutes=5)
"""How far this machine's clock may be behind the scheduler's."""

Arrived = TypeVar("Arrived", bound=Handed)


@dataclass(frozen=True)
class Look(Generic[Arrived]):
    """What one look found."""

    found: Arrived
    is_final: bool
    """Whether the waiting is over: it is enough, or the time is up."""
    again_at: datetime
    """When another look can find something else."""
    until: datetime
    """When the time is up; the same for every look of a run."""


def look_for_predictions(
    workspace: Workspace, pipeline: Pipeline, *, as_of: datetime, now: datetime
) -> Look[PredictionsArrived]:
    """Count the window's predictions. Raises DataError where the window is not over yet."""
    from airloop import steps

    found = steps.count_predictions(workspace, pipeline, as_of=as_of)
    if found.end > now + SKEW:
        raise DataError(
            f"as_of {clock.iso(as_of)}: the window {clock.iso(found.start)} to {clock.iso(found.end)} is not over yet; "
            f"it is {clock.iso(now)}, give an earlier instant"
        )
    until = as_of + pipeline.spec.monitor.predictions.wait
    is_enough = found.is_enough and now >= found.end + SETTLED
    is_hopeless = not found.rows and not is_live(workspace, pipeline)
    return Look(found, is_enough or is_hopeless or now >= until, min(now + PAUSE, until), until)


def is_live(workspace: Workspace, pipeline: Pipeline) -> bool:
    """Return whether there is a model that somebody could have asked."""
    return workspace.ledger.live(pipeline.spec.name, pipeline.spec.release.target) is not None


def look_for_labels(
    workspace: Workspace, pipeline: Pipeline, *, predictions: PredictionsArrived, now: datetime
) -> Look[LabelsArrived]:
    """Count the window's labels; a new answer comes only with the next instant of the grid on which they count."""
    from airloop import steps

    found, is_final = steps.count_labels(workspace, pipeline, predictions=predictions, now=now)
    until = predictions.as_of + pipeline.spec.monitor.labels.wait
    return Look(found, is_final, min(_next_on_grid(predictions.as_of, now), until), until)


def _next_on_grid(start: datetime, now: datetime, step: timedelta = timedelta(hours=1)) -> datetime:
    return start + max((now - start) // step + 1, 0) * step
