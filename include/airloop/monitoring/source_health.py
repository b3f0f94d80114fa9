"""Whether the source of data is alive and as the model needs it: if not, retraining would not help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airloop import clock, data
from airloop.errors import DataError, nearest
from airloop.features.inputs import input_kind

if TYPE_CHECKING:
    from airloop.features.schema import Schema
    from airloop.refs import PredictionsArrived
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

FRESH, STALE, BROKEN = "fresh", "stale", "broken"
_ALIKE = {"integer": "number", "boolean": "number"}
"""Kinds that training takes for one another."""


def look(workspace: Workspace, pipeline: Pipeline, predictions: PredictionsArrived) -> tuple[str, list[str]]:
    """Return FRESH, STALE or BROKEN as of the window's run, and why.

    Raises Unreachable, and SourceChanged (retryable) where the source changes while it is read.
    """
    since = predictions.as_of - pipeline.spec.monitor.stale_after
    try:
        newest = data.newest(workspace, pipeline, since, predictions.as_of)
        _check_columns(workspace, pipeline, predictions)
    except DataError as error:
        if error.retryable:
            raise
        return BROKEN, [f"the source cannot be used: {error}"]
    if newest is None and pipeline.spec.data.event_time is not None:
        return STALE, [f"the source is silent: no row since {clock.told(since)} (monitor.stale_after)"]
    return FRESH, []


def _check_columns(workspace: Workspace, pipeline: Pipeline, predictions: PredictionsArrived) -> None:
    """Raise DataError where the window's rows in the source lack an input of the model, or have it in another kind."""
    partitions = data.observe(workspace, pipeline, predictions.start, predictions.end, predictions.as_of)
    if not partitions:
        return
    columns = data.columns_of(workspace, pipeline, partitions)
    asked = pipeline.spec.features.inputs if pipeline.spec.features else ()
    schema = _schema(workspace, pipeline, predictions)
    kinds = {column.name: column.kind for column in schema.inputs} if schema else {}
    for name in asked or kinds:
        if name not in columns:
            raise DataError(f"column {name!r}, which the model needs, is gone.{nearest(name, columns)}")
        if columns[name] == "null" or name not in kinds:
            continue
        found, known = (_ALIKE.get(kind, kind) for kind in (input_kind(name, columns[name]), kinds[name]))
        if found != known:
            raise DataError(f"column {name!r} was {kinds[name]} in training and has type {columns[name]} now")


def _schema(workspace: Workspace, pipeline: Pipeline, predictions: PredictionsArrived) -> Schema | None:
    """Return the schema of the version that answered most of the window; None where nothing was answered."""
    from airloop.bundle import open_bundle
    from airloop.monitoring import log
    from airloop.monitoring.window import Window

    counted = log.count(workspace, pipeline, Window(predictions.start, predictions.end))
    return open_bundle(workspace, counted.bundles[counted.version]).schema if counted.version else None
