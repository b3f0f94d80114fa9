"""Fit a candidate and write it, whole, into the store."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from airloop import clock, trainers
from airloop.features.code import FeatureCode
from airloop.features.inputs import input_columns
from airloop.scoring import SavedHooks, save_servable
from airloop.training.assembly import assemble
from airloop.training.identity import code_digest, library_versions, spec_digest
from airloop.training.scores import scores

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot
    from airloop.spec import Pipeline
    from airloop.spec.words import Task
    from airloop.trainers.protocol import Fitted, TrainingData
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
) -> None:
    """Train ``models/<model>``: a servable folder, ``replicates/<i>/`` and ``training.json``.

    A killed call leaves checkpoints, from which the next one comes to the same bytes. Raises TrainingError and
    FeatureError.
    """
    spec = pipeline.spec
    work = workspace.store.work_folder(KIND, model)
    trainer = trainers.find(spec.model.trainer)
    trainer.check(spec.model)
    inputs = input_columns(spec, snapshot.columns)
    code = FeatureCode.load(pipeline.folder, spec.features, inputs)
    schema, rows = assemble(workspace, spec, code, snapshot, validation, work)
    log.info("fitting %d rows, %d features", len(rows.fit), len(schema.features))
    fitted = trainer.fit(rows, spec.model, work)
    replicates = [trainer.fit_replicate(rows, spec.model, i, fitted, work) for i in range(spec.model.replicates)]
    lineage = {
        "snapshot": snapshot_digest,
        "validation": validation_digest,
        "spec": spec_digest(pipeline),
        "feature_code": code_digest(pipeline),
        "versions": library_versions(pipeline),
    }
    hooks = SavedHooks(spec.features.build, inputs, spec.features.arrays) if spec.features else None
    with workspace.store.writing(KIND, model) as folder:
        save_servable(folder, schema, code, hooks, fitted, spec.model.trainer)
        for number, replicate in enumerate(replicates):
            trainers.save(replicate, spec.model.trainer, folder / "replicates" / str(number))
        record = _record(pipeline, snapshot, rows, fitted) | {"lineage": lineage, "digest": model}
        _write_json(folder / RECORD, record)
    shutil.rmtree(work, ignore_errors=True)


def _record(pipeline: Pipeline, snapshot: Snapshot, rows: TrainingData, fitted: Fitted) -> dict[str, Any]:
    metric, curve = fitted.watched
    return {
        "pipeline": pipeline.spec.name,
        "as_of": clock.iso(snapshot.as_of),
        "cut_off": clock.iso(snapshot.as_of),
        "train_start": clock.iso(snapshot.train_start) if snapshot.train_start else None,
        "holdout_start": clock.iso(snapshot.holdout_start) if snapshot.holdout_start else None,
        "rows": {"fit": len(rows.fit), "watch": len(rows.watch) if rows.watch is not None else 0},
        "rounds": fitted.rounds,
        "watched": {"metric": metric, "values": list(curve)},
        "importance": fitted.importance(rows.features),
        "metrics": _metrics(pipeline.spec.model.task, rows, fitted),
    }


def _metrics(task: Task, rows: TrainingData, fitted: Fitted) -> dict[str, float]:
    if rows.watch is None:
        return {}
    return scores(task, rows.watch.label.astype(np.float64), fitted.predict(rows.watch.matrix))


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False), encoding="utf-8")
