"""Freezing a window: its rows and their profile, written once under the digest of what they are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from airloop import digest
from airloop.data import content
from airloop.monitoring import log as logs
from airloop.monitoring.frozen import FACTS, KIND, PREDICTION, PROFILE, ROWS, Facts
from airloop.monitoring.rebuilding import rebuild
from airloop.monitoring.window import Window
from airloop.profiles import Profile
from airloop.profiles.reference import prediction_columns
from airloop.refs import PredictionsArrived, WindowRef

if TYPE_CHECKING:
    import pyarrow as pa

    from airloop.bundle import Bundle
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

FORMAT = 1
"""Counts the ways in which windows were ever frozen; a new one freezes them anew."""


def freeze(workspace: Workspace, pipeline: Pipeline, *, predictions: PredictionsArrived) -> WindowRef:
    """Return the window, written to the store unless it is there.

    The digest names pipeline, window, rows and the version that answered most of them: however late and often this
    runs, the same predictions give the same one, and the run's instant does not matter. An empty window is one too.
    Raises DataError for a broken file of the log, BundleError and FeatureError where the version's own code cannot be
    opened or fails, and Unreachable.
    """
    window = Window(predictions.start, predictions.end)
    logged = logs.read(workspace, pipeline, window)
    version, bundle = logs.majority(logged.table)
    name = digest.of_value(
        {
            "format": FORMAT,
            "pipeline": pipeline.name,
            "window": window.name,
            "rows": content.of_table(logged.table),
            "bundle": bundle,
        }
    )
    if not workspace.store.has(KIND, name):
        _write(workspace, pipeline, name, window, logged, version, bundle)
    log.info("window %s: %d rows, version %s, %s", window.name, logged.table.num_rows, version or "none", name[:12])
    return WindowRef(
        digest=name,
        uri=workspace.store.uri(KIND, name),
        start=window.start,
        end=window.end,
        as_of=predictions.as_of,
        rows=logged.table.num_rows,
        version=version,
        bundle=bundle,
    )


def _write(
    workspace: Workspace, pipeline: Pipeline, name: str, window: Window, logged: logs.Logged, version: str, bundle: str
) -> None:
    import pyarrow.parquet as pq

    profile = prediction = Profile(0, {})
    left_out: dict[str, str] = {}
    reasons = list(logged.notes)
    if bundle:
        from airloop.bundle import open_bundle

        opened = open_bundle(workspace, bundle)
        profile, left_out, notes = rebuild(workspace, opened, logged.table)
        prediction = profile_answers(opened, logged.table)
        reasons += notes
    facts = Facts(
        pipeline=pipeline.name,
        window=window.name,
        rows=logged.table.num_rows,
        version=version,
        bundle=bundle,
        versions=_versions(logged.table),
        repeated=logged.repeated,
        ahead=logged.ahead,
        left_out=left_out,
        reasons=tuple(reasons),
    )
    with workspace.store.writing(KIND, name) as folder:
        pq.write_table(logged.table, folder / ROWS, compression="zstd")
        (folder / PROFILE).write_bytes(profile.to_bytes())
        (folder / PREDICTION).write_bytes(prediction.to_bytes())
        (folder / FACTS).write_bytes(msgspec.json.format(msgspec.json.encode(facts, order="deterministic"), indent=1))


def profile_answers(bundle: Bundle, table: pa.Table) -> Profile:
    """Return the profile of what the bundle's version answered, under the names of ``Reference.prediction``."""
    import pyarrow.compute as pc

    own = table.filter(pc.equal(table["bundle"], bundle.digest))
    names = dict(zip(prediction_columns(bundle.schema), answer_columns(bundle), strict=True))
    return Profile.of({name: own[column].to_numpy() for name, column in names.items()}, dict.fromkeys(names, "number"))


def answer_columns(bundle: Bundle) -> tuple[str, ...]:
    """Return the log's columns with the bundle's answers, in the order of the model's answer."""
    schema = bundle.schema
    if schema.task != "multiclass":
        return (schema.output,)
    return tuple(f"{schema.output}_{label}" for label in schema.classes)


def _versions(table: pa.Table) -> dict[str, int]:
    counted: list[dict[str, Any]] = table.group_by("version").aggregate([([], "count_all")]).to_pylist()
    return {each["version"]: each["count_all"] for each in sorted(counted, key=lambda each: str(each["version"]))}
