"""The champion, opened to be judged again: what the ledger says is live, never what was made last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from airloop import clock, trainers
from airloop.bundle import open_bundle
from airloop.data import load_snapshot
from airloop.errors import AirloopError, BundleError, FeatureError
from airloop.scoring import Scorer
from airloop.statistics.metrics import Array

if TYPE_CHECKING:
    import pandas as pd

    from airloop.bundle import Bundle
    from airloop.data.snapshot import Snapshot
    from airloop.features.schema import Schema
    from airloop.ledger import Champion
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace


class ChampionUnusable(AirloopError):
    """There is a champion, but it cannot be judged; the message says why. It leads to HOLD, never to a release."""


@dataclass(frozen=True)
class LiveModel:
    """What is live, its bytes checked."""

    live: Champion
    model: str
    """Digest of its model."""
    scorer: Scorer
    replicates: Path | None
    """Folder with its replicate fits; None where its model is no longer in the store."""
    trained_until: datetime | None
    """Its training rows are older than this; None where rows have no time."""

    @property
    def version(self) -> str:
        """Version in the registry."""
        return self.live.version


def open_live(workspace: Workspace, pipeline: Pipeline) -> LiveModel | ChampionUnusable | None:
    """Return what the ledger says is live on the spec's target; None before the first release.

    Raises Unreachable when ledger or store do not answer: that heals, a broken champion does not.
    """
    live = workspace.ledger.live(pipeline.name, pipeline.spec.release.target)
    if live is None:
        return None
    try:
        bundle = open_bundle(workspace, live.bundle)
        scorer = Scorer.open(bundle.folder, threads=pipeline.spec.model.threads)
        _check_split(pipeline, bundle)
        model = bundle.facts.lineage.get("model", "")
        folder = workspace.store.folder("models", model) if model and workspace.store.has("models", model) else None
        return LiveModel(live, model, scorer, folder, _trained_until(workspace, pipeline, bundle))
    except (BundleError, FeatureError, ChampionUnusable) as error:
        return ChampionUnusable(f"the champion (version {live.version}) cannot be judged: {error}")


def as_if_live(workspace: Workspace, pipeline: Pipeline, live: Champion, model: str, snapshot: Snapshot) -> LiveModel:
    """Return ``models/<model>``, trained on ``snapshot``, as the champion ``live``, of which the ledger knows nothing.

    Raises BundleError and FeatureError when it cannot be opened, FileNotFoundError when it is not in the store.
    """
    folder = workspace.store.folder("models", model)
    scorer = Scorer.open(folder, threads=pipeline.spec.model.threads)
    return LiveModel(live, model, scorer, folder, snapshot.holdout_start)


def fits_of(scorer: Scorer, folder: Path | None, frame: pd.DataFrame) -> list[Array]:
    """Return the predictions of the released fit, then those of every replicate in ``folder``, each for all rows.

    Unknown categories count as missing. Raises BundleError and FeatureError when the rows cannot be scored.
    """
    inputs = [column.name for column in scorer.schema.inputs]
    absent = [name for name in inputs if name not in frame.columns]
    if absent:
        raise FeatureError(f"the rows have no column {', '.join(map(repr, absent))}, which the model needs")
    matrix = scorer.matrix(frame[inputs], unknown="missing")
    fits = [scorer.model.predict(matrix)]
    for path in sorted((folder / "replicates").glob("*") if folder else [], key=lambda path: int(path.name)):
        fits.append(trainers.load(path).predict(matrix))
    return fits


def champion_fits(champion: LiveModel, frame: pd.DataFrame, schema: Schema) -> list[Array]:
    """Return the champion's fits with their classes in the order of ``schema``, the candidate's.

    Raises ChampionUnusable when the rows cannot be scored or the two models predict different things.
    """
    theirs = champion.scorer.schema
    try:
        fits = fits_of(champion.scorer, champion.replicates, frame)
    except (BundleError, FeatureError) as error:
        raise ChampionUnusable(f"the champion (version {champion.version}) cannot score these rows: {error}") from error
    if theirs.task == schema.task and theirs.classes == schema.classes:
        return fits
    if theirs.task == schema.task == "multiclass" and set(theirs.classes) & set(schema.classes):
        return [_reordered(fit, theirs.classes, schema.classes) for fit in fits]
    raise ChampionUnusable(
        f"the champion (version {champion.version}) predicts {_what(theirs)}, the candidate {_what(schema)}"
    )


def _reordered(fit: Array, theirs: tuple[str, ...], ours: tuple[str, ...]) -> Array:
    """Return columns in our order; a class that the champion does not know has probability 0 in its answers."""
    columns = np.zeros((len(fit), len(ours)))
    for number, name in enumerate(ours):
        if name in theirs:
            columns[:, number] = fit[:, theirs.index(name)]
    return columns


def _what(schema: Schema) -> str:
    return f"{schema.task} {', '.join(schema.classes[:10])}".strip()


def _trained_until(workspace: Workspace, pipeline: Pipeline, bundle: Bundle) -> datetime | None:
    if pipeline.spec.data.event_time is None:
        return None
    snapshot = bundle.facts.lineage.get("snapshot", "")
    try:
        found = load_snapshot(workspace, snapshot).holdout_start if snapshot else None
    except FileNotFoundError:
        found = None
    # Without its snapshot only this is sure: nothing known after its cut-off was trained on.
    return clock.in_utc(found or bundle.data_cut_off)


def _check_split(pipeline: Pipeline, bundle: Bundle) -> None:
    """Raise ChampionUnusable when rows without time were split otherwise: holdout rows may have been trained on."""
    ours = pipeline.spec.data
    if ours.event_time is not None:
        return
    theirs = yaml.safe_load((bundle.folder / "pipeline.yaml").read_text(encoding="utf-8")).get("data", {})
    share, key = theirs.get("holdout_share", type(ours).model_fields["holdout_share"].default), theirs.get("key", [])
    if share < ours.holdout_share or list(key) != list(ours.key):
        raise ChampionUnusable(
            f"its rows were split with holdout_share {share:g} and key {list(key)}, not {ours.holdout_share:g} and "
            f"{list(ours.key)}: it may have been trained on rows that are held out now"
        )
