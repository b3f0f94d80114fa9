"""A tick's candidate, made as its run would have made it, or found where a run, a backfill or a backtest did."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from airloop.errors import DataError, FeatureError, TrainingError, ValidationBlocked

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace


@dataclass(frozen=True)
class Learned:
    """What a tick's run would have trained; ``problem`` says why it would have failed instead."""

    as_of: datetime
    snapshot: str = ""
    validation: str = ""
    model: str = ""
    """Digest, like the two before."""
    version: str = ""
    problem: str = ""
    was_there: bool = False
    """Whether the model had been trained before."""
    seconds: float = 0.0
    """Wall time that this call took."""


def learn(workspace: Workspace, pipeline: Pipeline, as_of: datetime) -> Learned:
    """Return the candidate at ``as_of``: snapshot, validation and training, each done unless it is in the store.

    What a later run might not meet again (an unreachable store, files that change while they are read) is raised.
    """
    from airloop import data, training, validation
    from airloop.training.identity import model_digest

    started = time.perf_counter()
    try:
        snapshot_digest, snapshot = data.take(workspace, pipeline, as_of)
        validation_digest, checked = validation.validate(workspace, pipeline, snapshot)
        was_there = workspace.store.has("models", model_digest(pipeline, snapshot_digest, validation_digest))
        trained = training.train(workspace, pipeline, snapshot_digest, snapshot, validation_digest, checked)
    except (DataError, ValidationBlocked, TrainingError, FeatureError) as error:
        if error.retryable:
            raise
        return Learned(as_of, problem=str(error), seconds=time.perf_counter() - started)
    return Learned(
        as_of=as_of,
        snapshot=snapshot_digest,
        validation=validation_digest,
        model=trained.digest,
        version=trained.version,
        was_there=was_there,
        seconds=time.perf_counter() - started,
    )
