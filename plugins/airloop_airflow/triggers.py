"""Waiting without a worker: triggers that look again from time to time, and wake the task when that is worth it.

They decide nothing: the woken task looks for itself. So one that runs twice, or goes on in another triggerer, does no
harm. All that one knows is in ``serialize``, the end of the waiting as an instant, so a restart does not begin anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airloop import clock
from airloop.errors import AirloopError
from airloop.refs import PredictionsArrived
from airloop_airflow import context as run
from airloop_airflow import watching

SHORTEST = timedelta(seconds=1)
"""Between two looks, whatever the first one says."""


class Arrival(BaseTrigger):
    """Wakes its task when a look is final or cannot be made.

    :param pipeline: name of the pipeline.
    :param look_at: when the next look is worth it, ISO 8601.
    :param until: when the time is up, ISO 8601; then it wakes its task whatever a look says.
    """

    def __init__(self, *, pipeline: str, look_at: str, until: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pipeline = pipeline
        self.look_at = look_at
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and all that it was made with."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", self._arguments()

    def _arguments(self) -> dict[str, Any]:
        return {"pipeline": self.pipeline, "look_at": self.look_at, "until": self.until}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, in a thread, until it is worth waking the task; say ``error`` where no look is possible."""
        until = clock.parse(self.until)
        look_at = min(clock.parse(self.look_at), until)
        while True:
            await asyncio.sleep(max((look_at - datetime.now(UTC)).total_seconds(), 0))
            now = datetime.now(UTC)
            if now >= until:
                break
            try:
                look = await asyncio.to_thread(self.look, now)
            except Exception as error:
                # The task says it better, if it fails there too: it looks for itself.
                if not (isinstance(error, AirloopError) and error.retryable):
                    yield _woken(f"{type(error).__name__}: {error}")
                    return
                self.log.warning("%s; looking again", error)
                again_at = now + watching.PAUSE
            else:
                if look.is_final:
                    break
                again_at = look.again_at
            look_at = min(max(again_at, now + SHORTEST), until)
        yield _woken()

    def look(self, now: datetime) -> watching.Look[Any]:
        """Look once; blocks."""
        raise NotImplementedError


class PredictionsArrival(Arrival):
    """Waits for the predictions of a window.

    :param pipeline: name of the pipeline.
    :param as_of: the run's instant, ISO 8601.
    :param look_at: when the next look is worth it, ISO 8601.
    :param until: when the time is up, ISO 8601.
    """

    def __init__(self, *, as_of: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.as_of = as_of

    def _arguments(self) -> dict[str, Any]:
        return super()._arguments() | {"as_of": self.as_of}

    def look(self, now: datetime) -> watching.Look[Any]:
        """Count the predictions that are in the log."""
        from airloop.spec import find

        workspace = run.workspace()
        pipeline = find(self.pipeline, workspace)
        return watching.look_for_predictions(workspace, pipeline, as_of=clock.parse(self.as_of), now=now)


class LabelsArrival(Arrival):
    """Waits for the labels of a window.

    :param pipeline: name of the pipeline.
    :param predictions: PredictionsArrived as JSON.
    :param look_at: when the next look is worth it, ISO 8601.
    :param until: when the time is up, ISO 8601.
    """

    def __init__(self, *, predictions: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.predictions = predictions

    def _arguments(self) -> dict[str, Any]:
        return super()._arguments() | {"predictions": self.predictions}

    def look(self, now: datetime) -> watching.Look[Any]:
        """Count the labels that are known."""
        from airloop.spec import find

        workspace = run.workspace()
        predictions = PredictionsArrived.model_validate_json(self.predictions)
        return watching.look_for_labels(workspace, find(self.pipeline, workspace), predictions=predictions, now=now)


def _woken(error: str = "") -> TriggerEvent:
    return TriggerEvent({"error": error})  # type: ignore[no-untyped-call]
