"""``train``: a snapshot in, a registered candidate out; what is already there is found, not made again."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airloop.training import cores
from airloop.training.identity import model_digest
from airloop.training.locks import exclusive
from airloop.training.registration import check_reachable, register

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot
    from airloop.spec import Pipeline
    from airloop.spec.model import Model
    from airloop.trainers.distributed_workers import Workers
    from airloop.validation import Validation
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A candidate in the store and in MLflow."""

    digest: str
    version: str
    """Of the registered model in MLflow."""
    run_id: str
    """Of MLflow's run."""
    metrics: dict[str, float]
    """On the later rows that early stopping watched; empty without early stopping."""


def train(
    workspace: Workspace,
    pipeline: Pipeline,
    snapshot_digest: str,
    snapshot: Snapshot,
    validation_digest: str,
    validation: Validation,
    *,
    workers: Workers | None = None,
) -> Trained:
    """Fit, store and register the candidate of ``snapshot``, or find it where that was done before.

    ``workers`` start those of ``model.workers``, where it is more than one; None means processes of this machine.

    Raises TrainingError and FeatureError when no model can be fitted, Unreachable when the store or MLflow does not
    answer; a retry then goes on where this call came to.
    """
    model = model_digest(pipeline, snapshot_digest, validation_digest)
    store = workspace.store
    if store.has("models", model):
        log.info("model %s was trained before", model[:12])
    else:
        check_reachable(workspace.mlflow_url)
        # A second run of the same candidate waits here and then finds it.
        with exclusive(store.work_folder("models", model) / "lock"):
            if not store.has("models", model):
                from airloop.training.fitting import fit

                # From before the rows are read on: those that stand in line need no memory.
                with cores.held(workspace.home, _cores(pipeline.spec.model, workers)):
                    fit(
                        workspace,
                        pipeline,
                        model,
                        snapshot_digest=snapshot_digest,
                        snapshot=snapshot,
                        validation_digest=validation_digest,
                        validation=validation,
                        workers=workers,
                    )
    entry = register(workspace, pipeline, model)
    record = json.loads((store.folder("models", model) / "training.json").read_text(encoding="utf-8"))
    return Trained(model, entry.version, entry.run_id, record["metrics"])


def _cores(model: Model, workers: Workers | None) -> int:
    if workers is None or workers.are_here or model.workers == 1:
        return cores.wanted_by(model)
    return 1
