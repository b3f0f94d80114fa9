"""What monitoring found in the latest windows: drift as marks, performance as a band for each metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airloop.overview.kept_windows import Bounded, Details, details_in, distance_in, while_it_answers
from airloop.overview.shapes import Band, BandPoint, Mark
from airloop.spec.words import METRICS

if TYPE_CHECKING:
    from airloop.monitoring.records import Record
    from airloop.workspace import Workspace

MOST = 200
"""Windows that are shown, the newest."""
MOST_READ = 60
"""Windows whose bounds are read from the store, the newest; of older ones the ledger has values without bounds."""
MOST_REASONS = 3


def marks(workspace: Workspace, watched: Sequence[Record]) -> tuple[Mark, ...]:
    """Return the drift of each window; ``watched`` begins with the latest, the marks with the oldest."""
    distance = while_it_answers(lambda digest: distance_in(workspace, digest) if digest else None, None)
    found = []
    for number, record in enumerate(watched):
        if record.drift is None:
            continue
        said: Any = record.drift.payload
        value = said.get("distance")
        if "distance" not in said and number < MOST_READ:
            value = distance(str(said.get("digest", "")))
        mark = Mark(
            window=record.window.name,
            start=record.window.start,
            end=record.window.end,
            level=said["level"],
            value=value,
            version=str(said.get("version", "")),
            reasons=tuple(said.get("reasons", ()))[:MOST_REASONS],
        )
        found.append(mark)
    return tuple(reversed(found))


def bands(workspace: Workspace, watched: Sequence[Record], *, most_read: int = MOST_READ) -> tuple[Band, ...]:
    """Return a band for each metric that a rule holds, else for the first that was measured.

    ``watched`` begins with the latest; of the first ``most_read`` the bounds are read.
    """
    nothing = Details()
    read = while_it_answers(lambda digest: details_in(workspace, digest) if digest else nothing, nothing)
    seen = [
        (one, read(str(one.performance.payload.get("digest", ""))) if number < most_read else nothing)
        for number, one in enumerate(watched)
        if one.performance is not None
    ]
    return tuple(_band(metric, seen) for metric in _shown(seen))


def _shown(seen: Sequence[tuple[Record, Details]]) -> list[str]:
    """Return the metrics that the latest window with any was held against, else the first one that it has."""
    for record, details in seen:
        said: Any = record.performance.payload if record.performance else {}
        held = list(details.limits or said.get("baseline", {}))
        if held:
            return held
    values = (record.performance.payload.get("metrics", {}) for record, _ in seen if record.performance)
    return next((list(one)[:1] for one in values if one), [])


def _band(metric: str, seen: Sequence[tuple[Record, Details]]) -> Band:
    limits = next((one.limits[metric] for _, one in seen if metric in one.limits), None)
    points = (_point(metric, record, details) for record, details in reversed(seen))
    return Band(
        metric=metric,
        more_is_better=METRICS[metric].more_is_better if metric in METRICS else True,
        reference=limits.reference if limits else _told_reference(metric, seen),
        warn=limits.warn if limits else None,
        act=limits.act if limits else None,
        points=tuple(point for point in points if point is not None),
    )


def _told_reference(metric: str, seen: Sequence[tuple[Record, Details]]) -> float | None:
    """Return what the ledger says of the holdout, where the store says nothing any more."""
    told = (one.performance.payload.get("baseline", {}) for one, _ in seen if one.performance)
    return next((baseline[metric] for baseline in told if metric in baseline), None)


def _point(metric: str, record: Record, details: Details) -> BandPoint | None:
    said: Any = record.performance.payload if record.performance else {}
    kinds = ((details.measured, said.get("metrics", {})), (details.estimated, said.get("estimated", {})))
    for is_estimated, (read, told) in enumerate(kinds):
        rows = int(said.get("rows" if is_estimated else "labelled", 0))
        found = read.get(metric)
        if found is None and metric in told:
            found = Bounded(value=told[metric], lower=None, upper=None, rows=rows)
        if found is not None:
            return BandPoint(
                window=record.window.name,
                start=record.window.start,
                end=record.window.end,
                level=details.limits[metric].level if metric in details.limits else said["level"],
                version=str(said.get("version", "")),
                value=found.value,
                lower=found.lower,
                upper=found.upper,
                is_estimated=bool(is_estimated),
                rows=found.rows,
            )
    return None
