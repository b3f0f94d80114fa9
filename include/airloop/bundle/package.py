"""Freezing a bundle: the same model, verdict and spec give the same bytes, and so the same digest."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import airloop
from airloop import clock, digest, trainers
from airloop.bundle.facts import FACTS, GOLDEN, KIND, SCHEMA, Bundle, Facts
from airloop.bundle.frames import as_frame
from airloop.bundle.golden import Golden, as_answers, as_values, choose
from airloop.bundle.locked import requirements
from airloop.bundle.opened import open_bundle, refuse_pickles
from airloop.errors import BundleError, DataError, FeatureError

if TYPE_CHECKING:
    import pandas as pd

    from airloop.scoring import Scorer
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

MODELS = "models"
MODEL = "model"
SERVABLE = (SCHEMA, "features.json", "features", MODEL, "reference")
"""What a bundle takes from a model's folder; replicates and training notes stay there."""
ROWS_LOOKED_AT = 20_000
"""Holdout rows from which golden ones are chosen."""


def package(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    snapshot_digest: str,
    model_digest: str,
    version: str,
    verdict_digest: str,
) -> Bundle:
    """Return the bundle of a trained model, written to the store unless it is there.

    Raises BundleError when the model is not in the store, holds a pickle, or no row is fit to be a golden one.
    """
    try:
        model = workspace.store.folder(MODELS, model_digest)
    except FileNotFoundError:
        raise BundleError(
            f"model {model_digest[:12]} of {pipeline.name!r} is not in the store; train it again"
        ) from None
    with tempfile.TemporaryDirectory(prefix="airloop-bundle-") as scratch:
        folder = Path(scratch)
        _copy(model, folder)
        _describe(workspace, pipeline, folder, snapshot_digest, model_digest, version, verdict_digest)
        refuse_pickles(folder)
        bundle_digest = digest.of_folder(folder)
        if not workspace.store.has(KIND, bundle_digest):
            with workspace.store.writing(KIND, bundle_digest) as target:
                shutil.copytree(folder, target, dirs_exist_ok=True)
    return open_bundle(workspace, bundle_digest)


def _copy(model: Path, folder: Path) -> None:
    for name in SERVABLE:
        source = model / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copyfile(source, folder / name)


def _describe(
    workspace: Workspace,
    pipeline: Pipeline,
    folder: Path,
    snapshot_digest: str,
    model_digest: str,
    version: str,
    verdict_digest: str,
) -> None:
    from airloop.data import load_snapshot

    snapshot = load_snapshot(workspace, snapshot_digest)
    training = _training(workspace, model_digest)
    spec = pipeline.spec
    facts = Facts(
        pipeline=pipeline.name,
        version=version,
        data_cut_off=clock.iso(snapshot.as_of),
        lineage={
            "airloop": airloop.__version__,
            "model": model_digest,
            "snapshot": snapshot_digest,
            "spec": digest.of_value(spec.model_dump(mode="json")),
            "validation": str(training.get("lineage", {}).get("validation", "")),
            "verdict": verdict_digest,
        },
        private=tuple(sorted(spec.data.private)),
        max_rows=spec.serving.max_rows,
        log_predictions=spec.serving.log_predictions,
    )
    _write(folder / FACTS, facts)
    _write(folder / GOLDEN, _golden(workspace, pipeline, snapshot, folder))
    shutil.copyfile(pipeline.file("pipeline.yaml"), folder / "pipeline.yaml")
    more = getattr(trainers.reader(folder / MODEL), "serving", ())
    lines = requirements(with_pandas=spec.features is not None, more=more)
    (folder / "requirements.txt").write_text(lines, encoding="utf-8")


def _golden(workspace: Workspace, pipeline: Pipeline, snapshot: Any, folder: Path) -> Golden:
    from airloop.scoring import Scorer

    scorer = Scorer.open(folder)
    chosen = choose(_candidates(workspace, pipeline, snapshot), scorer.schema)
    inputs = as_values(chosen, scorer.schema, pipeline.spec.data.private)
    # Answers are computed from the values as they are stored, so that anyone who replays them gets the same.
    frame = as_frame(scorer.schema, Golden(inputs, []).columns(scorer.schema))
    usable = [row for row in range(len(frame)) if _is_predictable(scorer, frame.iloc[row : row + 1])]
    if not usable:
        raise BundleError(f"{pipeline.name}: no row of the snapshot can be predicted, so there are no golden rows")
    kept = {name: [values[row] for row in usable] for name, values in inputs.items()}
    return Golden(kept, as_answers(scorer.predict(frame.iloc[usable].reset_index(drop=True))))


def _is_predictable(scorer: Scorer, row: pd.DataFrame) -> bool:
    """Return whether the model takes the row: a category may be new, and refused by the spec."""
    try:
        scorer.predict(row)
    except (DataError, FeatureError):
        return False
    return True


def _candidates(workspace: Workspace, pipeline: Pipeline, snapshot: Any) -> pd.DataFrame:
    import pandas as pd

    from airloop.data.rows import iter_part

    for part in ("holdout", "train"):
        frames, rows = [], 0
        for _, frame in iter_part(workspace, pipeline.spec, snapshot, part, {}):
            frames.append(frame)
            rows += len(frame)
            if rows >= ROWS_LOOKED_AT:
                break
        if rows:
            return pd.concat(frames, ignore_index=True).head(ROWS_LOOKED_AT)
    raise BundleError(f"{pipeline.name}: the snapshot has no labelled row, so there are no golden rows")


def _training(workspace: Workspace, model_digest: str) -> dict[str, Any]:
    path = workspace.store.folder(MODELS, model_digest) / "training.json"
    notes: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return notes


def _write(path: Path, value: msgspec.Struct) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1) + b"\n")
