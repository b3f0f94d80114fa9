"""What has arrived of a window: predictions, labels, and whether the source is still alive."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airloop import clock
from airloop.errors import BundleError, DataError
from airloop.monitoring import log
from airloop.monitoring.window import Window
from airloop.refs import LabelsArrived, PredictionsArrived

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airloop.spec import Pipeline
    from airloop.spec.model import Labels
    from airloop.workspace import Workspace

STEP = timedelta(hours=1)
"""Between two instants at which labels are counted."""
NO_PREDICTIONS = "no predictions"
"""How the reason of a window without traffic begins."""


def predictions(workspace: Workspace, pipeline: Pipeline, *, as_of: datetime) -> PredictionsArrived:
    """Return how many predictions of the window of ``as_of`` are in the log, repeated ones counted once.

    Enough are ``monitor.predictions.min_rows``. Without any the reason begins with "no predictions". Fewer than
    ``monitor.predictions.volume`` of the training data's usual rows are odd: a reason says so, even where they are
    enough. Rows of clients whose clocks run more than a day ahead are left out and told; see
    ``airloop.monitoring.log``. Raises DataError naming a broken file of the log, and Unreachable.
    """
    window = Window.latest(pipeline.spec.monitor, as_of)
    logged = log.read(workspace, pipeline, window, ())
    rows, least = logged.table.num_rows, pipeline.spec.monitor.predictions.min_rows
    reasons = []
    if not rows:
        reasons.append(_nothing(pipeline, window))
    elif rows < least:
        reasons.append(f"{rows:,} predictions in {window.name}, monitor.predictions.min_rows is {least:,}")
    if logged.ahead:
        reasons.append(
            f"{logged.ahead:,} predictions are left out: their events are more than a day later than their answers, "
            "so a client's clock runs ahead"
        )
    if rows:
        _, bundle = log.majority(logged.table)
        reasons += _volume(workspace, pipeline, window, rows, bundle)
    return PredictionsArrived(
        start=window.start,
        end=window.end,
        as_of=clock.in_utc(as_of),
        rows=rows,
        is_enough=rows >= least,
        reasons=tuple(reasons),
    )


def labels(
    workspace: Workspace, pipeline: Pipeline, *, predictions: PredictionsArrived, now: datetime
) -> tuple[LabelsArrived, bool]:
    """Return what is known of the window's labels, and whether that is final: enough, or nothing more can count.

    Labels are counted at fixed instants: ``as_of``, an hour later, and so on until ``monitor.labels.wait`` has passed.
    The first at which ``min_share`` and ``min_rows`` are met is ``known_until``; those after ``now`` cannot be looked
    at yet. So the answer is the same whenever it is asked for, once the last one has passed.

    ``source`` is ``broken`` where the source's rows cannot be used or lack an input of the model; it may be mended
    while labels are waited for. It is ``stale`` where its newest row is older than ``monitor.stale_after`` before
    ``as_of``. Raises Unreachable, and SourceChanged where the source changes while it is read.
    """
    from airloop.monitoring import source_health
    from airloop.monitoring.counting import first_enough

    rule = pipeline.spec.monitor.labels
    instants = _instants(predictions.as_of, rule)
    seen = [instant for instant in instants if instant <= clock.in_utc(now)]
    source, reasons = source_health.look(workspace, pipeline, predictions)
    known_until, labelled, rows = seen[-1] if seen else predictions.as_of, 0, predictions.rows
    never = _never(pipeline, predictions)
    if seen and not never and source != source_health.BROKEN:
        try:
            known_until, labelled, rows = first_enough(workspace, pipeline, predictions, seen)
        except DataError as error:
            if error.retryable:
                raise
            source, reasons = source_health.BROKEN, [str(error)]
    is_enough = not never and labelled >= enough(rule, rows)
    if not is_enough:
        reasons = [*reasons, never or _too_few(rule, labelled, rows)]
    arrived = LabelsArrived(
        start=predictions.start,
        end=predictions.end,
        as_of=predictions.as_of,
        known_until=predictions.as_of if never else known_until,
        predictions=rows,
        labelled=labelled,
        is_enough=is_enough,
        source=source,
        reasons=tuple(reasons),
    )
    return arrived, bool(is_enough or never or len(seen) == len(instants))


def enough(rule: Labels, predictions: int) -> int:
    """Return how many labels so many predictions need."""
    # Less a little: 0.07 of 100 rows are 7, though their product is a trifle more.
    return max(rule.min_rows, math.ceil(rule.min_share * predictions - 1e-9))


def _instants(as_of: datetime, rule: Labels) -> Sequence[datetime]:
    return [clock.in_utc(as_of) + STEP * number for number in range(rule.wait // STEP + 1)]


def _never(pipeline: Pipeline, predictions: PredictionsArrived) -> str:
    """Return why no label can ever be found; empty where it can."""
    spec = pipeline.spec
    if not predictions.rows:
        return f"{NO_PREDICTIONS}, so there is nothing to label"
    if not spec.data.key:
        return "labels cannot be found: data.key is not given, so nothing says which row a prediction was for"
    if lacking := log.unlogged_key(spec):
        named = ", ".join(lacking)
        return f"labels cannot be found: {named} of data.key not in the prediction log; add it to features.inputs"
    return ""


def _too_few(rule: Labels, labelled: int, rows: int) -> str:
    share = labelled / rows if rows else 0.0
    return (
        f"labels of {labelled:,} of {rows:,} predictions ({share:.0%}) are known; monitor.labels asks for "
        f"min_share {rule.min_share:.0%} and min_rows {rule.min_rows:,}"
    )


def _nothing(pipeline: Pipeline, window: Window) -> str:
    where = f"{NO_PREDICTIONS} in {window.name}"
    if not pipeline.spec.serving.log_predictions:
        return f"{where}: serving.log_predictions is false, so nothing is kept"
    return f"{where}: nobody asked the model, or the prediction log did not reach the store"


def _volume(workspace: Workspace, pipeline: Pipeline, window: Window, rows: int, bundle: str) -> list[str]:
    """Return what is odd about the number of rows."""
    from airloop.bundle import open_bundle
    from airloop.profiles.reference import Reference

    share = pipeline.spec.monitor.predictions.volume
    if not share:
        return []
    try:
        reference = Reference.load(open_bundle(workspace, bundle).folder / "reference")
    except BundleError as error:
        return [f"how many rows are usual is not known: {error}"]
    if reference.window is None:
        return []
    usual = reference.usual_rows * (window.length / reference.window)
    if rows >= share * usual:
        return []
    return [
        f"{rows:,} predictions are {rows / usual:.0%} of the {usual:,.0f} usual rows; "
        f"monitor.predictions.volume warns below {share:.0%}"
    ]
