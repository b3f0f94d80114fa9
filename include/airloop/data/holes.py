"""Holes: intervals without a row, windows without one, and what exists nearby."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airloop import clock
from airloop.data.read import read_events
from airloop.data.windows import Interval, Windows, micros, overlap
from airloop.errors import DataError

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot
    from airloop.data.sources import Source
    from airloop.spec.model import Data
    from airloop.workspace import Workspace


def check(workspace: Workspace, source: Source, data: Data, windows: Windows, snapshot: Snapshot) -> None:
    """Raise DataError when a window has no row, no label is known for training, or a missing interval blocks."""
    for part, window in windows.parts.items():
        if not _has_rows(workspace, data, window, snapshot):
            raise DataError(_empty(source, data, part, window, windows, snapshot))
    if not snapshot.partitions:
        raise DataError(
            f"{snapshot.pipeline}: no row is visible at {clock.iso(windows.as_of)}; {_looked_for(source, windows)}"
        )
    training = [each for each in snapshot.partitions if overlap(each.interval, windows.parts.get("train", Interval()))]
    if not any(partition.labelled for partition in training):
        rows = sum(partition.rows for partition in training)
        raise DataError(
            f"{snapshot.pipeline}: no label is known at {clock.iso(windows.as_of)} for any of {rows} training rows; "
            f"look at column {data.label.column!r}"
            + (f" and when {data.label.known_at!r} is" if data.label.known_at else "")
        )
    if snapshot.missing and data.missing == "block":
        starts = ", ".join(clock.iso(start) for start in snapshot.missing)
        raise DataError(
            f"{snapshot.pipeline}: no row in {len(snapshot.missing)} intervals, and data.missing blocks: {starts}"
        )


def expected(interval: Interval, windows: Windows) -> bool:
    """Return whether rows could be expected: the interval lies in the windows and is over at ``as_of``."""
    return interval.end is not None and interval.end <= windows.as_of


def _has_rows(workspace: Workspace, data: Data, window: Interval, snapshot: Snapshot) -> bool:
    """Look into a partition only where it lies across the window's bound."""
    touching = [each for each in snapshot.partitions if overlap(each.interval, window)]
    if any(window.holds(each.interval) for each in touching):
        return True
    return any(_events_within(read_events(workspace, each, data), window) for each in touching)


def _events_within(events: list[int], window: Interval) -> bool:
    if window.start is None or window.end is None:
        return bool(events)
    start, end = micros(window.start), micros(window.end)
    return any(start <= event < end for event in events)


def _empty(source: Source, data: Data, part: str, window: Interval, windows: Windows, snapshot: Snapshot) -> str:
    starts = [each.start for each in snapshot.partitions if each.start is not None]
    instant = window.start or windows.as_of
    nearest = min(starts, key=lambda start: abs(start - instant), default=None) or _nearest(
        source, data, windows, instant
    )
    exists = f"the nearest rows seem to be at {clock.iso(nearest)}" if nearest else "no other rows are known of"
    return (
        f"{snapshot.pipeline}: no row in the {part} window {window} of as_of {clock.iso(windows.as_of)}; "
        f"{_looked_for(source, windows)}; {exists}"
    )


def _looked_for(source: Source, windows: Windows) -> str:
    spans = list(source.spans(windows.intervals))
    last = f" … {spans[-1].what}" if len(spans) > 1 else ""
    return f"looked for {spans[0].what}{last}"


def _nearest(source: Source, data: Data, windows: Windows, instant: datetime) -> datetime | None:
    """Ask the names of files, else the rows themselves."""
    if named := source.nearest(instant):
        return named
    from airloop.data.visible import Timed

    spans = list(source.spans(windows.intervals))
    if len(spans) > 1:
        return None
    parts = [Timed.of(raw, data) for raw in source.read(spans[0], source.list(spans[0]), windows.as_of)]
    events = [event for part in parts for event in part.event.tolist()]
    event = min(events, key=lambda event: abs(event - micros(instant)), default=None)
    return None if event is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=event)
