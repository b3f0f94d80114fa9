"""Fit a candidate and write it, whole, into the store."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop import clock, trainers
from airloop.errors import Unreachable
from airloop.features.code import FeatureCode
from airloop.features.inputs import input_columns
from airloop.profiles.reference import FOLDER
from airloop.scoring import SavedHooks, save_servable
from airloop.spec.checkout import commit_of
from airloop.trainers.distributed_workers import LocalProcesses
from airloop.training.assembly import assemble
from airloop.training.checkpoints import checkpoints_in
from airloop.training.identity import code_digest, library_versions, spec_digest
from airloop.training.reference import Making, build_reference
from airloop.training.scores import scores

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot
    from airloop.features.schema import Schema
    from airloop.profiles.reference import Reference
    from airloop.spec import Pipeline
    from airloop.spec.model import Model
    from airloop.spec.words import Task
    from airloop.trainers.checkpoint import Checkpoints
    from airloop.trainers.distributed_workers import Workers
    from airloop.trainers.protocol import Fitted, Trainer, TrainingData
    from airloop.validation import Validation
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

KIND = "models"
RECORD = "training.json"


def fit(
    workspace: Workspace,
    pipeline: Pipeline,
    model: str,
    *,
    snapshot_digest: str,
    snapshot: Snapshot,
    validation_digest: str,
    validation: Validation,
    workers: Workers | None = None,
) -> None:
    """Train ``models/<model>``: a servable folder, ``reference/``, ``replicates/<i>/`` and ``training.json``.

    A killed call leaves checkpoints, from which the next one comes to the same bytes. Raises TrainingError and
    FeatureError for rows that no model can be fitted from, Unreachable when the disk is full.
    """
    spec = pipeline.spec
    checkpoints = checkpoints_in(workspace.store, KIND, model)
    work = checkpoints.folder
    with _saying_what_to_do(work):
        made = _make(workspace, pipeline, snapshot, validation, checkpoints, workers)
    lineage = {
        "snapshot": snapshot_digest,
        "validation": validation_digest,
        "spec": spec_digest(pipeline),
        "feature_code": code_digest(pipeline),
        "commit": commit_of(pipeline.folder),
        "versions": library_versions(pipeline),
    }
    record = {"digest": model, "pipeline": spec.name, "lineage": lineage, **_windows(snapshot), **made.record}
    hooks = SavedHooks(spec.features.build, made.code.inputs, spec.features.arrays) if spec.features else None
    with _saying_what_to_do(work), workspace.store.writing(KIND, model) as folder:
        save_servable(folder, made.schema, made.code, hooks, made.fitted, spec.model.trainer, made.trainer_code)
        made.reference.save(folder / FOLDER)
        for number, replicate in enumerate(made.replicates):
            trainers.save(replicate, spec.model.trainer, folder / "replicates" / str(number), made.trainer_code)
        text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False)
        (folder / RECORD).write_text(text, encoding="utf-8")
    workspace.store.drop_work(KIND, model)


@contextmanager
def _saying_what_to_do(work: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unreachable(
            f"training cannot write: {error}. Free space or mend permissions below {work}, then retry: it goes on from "
            "its last checkpoint, and nothing was half-written"
        ) from error


@dataclass(frozen=True)
class _Made:
    schema: Schema
    code: FeatureCode
    trainer_code: dict[str, bytes]
    fitted: Fitted
    replicates: list[Fitted]
    reference: Reference
    record: dict[str, Any]


def _make(
    workspace: Workspace,
    pipeline: Pipeline,
    snapshot: Snapshot,
    validation: Validation,
    checkpoints: Checkpoints,
    workers: Workers | None,
) -> _Made:
    """Fit. What the trainer holds open in the checkpoints' folder is closed on return."""
    spec = pipeline.spec
    # Read once: what is run is what is written beside the model.
    trainer_code = trainers.sources(spec.model.trainer, pipeline.folder)
    trainer = _trainer(spec.model, workers, pipeline.folder, trainer_code)
    trainer.check(spec.model)
    code = FeatureCode.load(pipeline.folder, spec.features, input_columns(spec, snapshot.columns))
    schema, rows = assemble(workspace, spec, code, snapshot, validation, checkpoints.folder)
    log.info("fitting %d rows, %d features", len(rows.fit), len(rows.features))
    fitted = trainer.fit(rows, spec.model, checkpoints)
    log.info("kept %d rounds; fitting %d replicates", fitted.rounds, spec.model.replicates)
    replicates = [trainer.fit_replicate(rows, spec.model, i, checkpoints) for i in range(spec.model.replicates)]
    results = _results(spec.model.task, rows, fitted)
    making = Making(workspace, spec, snapshot, validation.excluded_positions(), schema, code, fitted)
    reference = build_reference(making, results["importance"])
    return _Made(schema, code, trainer_code, fitted, replicates, reference, results)


def _trainer(model: Model, workers: Workers | None, folder: Path, code: dict[str, bytes]) -> Trainer:
    if model.workers == 1:
        return trainers.from_files(model.trainer, folder, code) if code else trainers.find(model.trainer)
    return trainers.spread(model.trainer, workers or LocalProcesses())


def _windows(snapshot: Snapshot) -> dict[str, str | None]:
    return {
        "as_of": clock.iso(snapshot.as_of),
        "cut_off": clock.iso(snapshot.as_of),
        "train_start": clock.iso(snapshot.train_start) if snapshot.train_start else None,
        "holdout_start": clock.iso(snapshot.holdout_start) if snapshot.holdout_start else None,
    }


def _results(task: Task, rows: TrainingData, fitted: Fitted) -> dict[str, Any]:
    metric, curve = fitted.watched
    metrics = {}
    if rows.watch is not None:
        metrics = scores(task, rows.watch.label.astype(np.float64), fitted.predict(rows.watch.matrix))
    return {
        "rows": {"fit": len(rows.fit), "watch": len(rows.watch) if rows.watch is not None else 0},
        "rounds": fitted.rounds,
        "watched": {"metric": metric, "values": list(curve)},
        "importance": fitted.importance(rows.features),
        "metrics": metrics,
    }
