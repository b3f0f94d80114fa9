"""Earlier stretches of a monitoring window's length: how far unchanged data move by themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from airloop import clock
from airloop.data.windows import Interval
from airloop.profiles import Column, Profile
from airloop.profiles.column import merge_columns
from airloop.profiles.distances import ASPECTS, METHODS, aspect, aspect_distance, distance
from airloop.profiles.reference import Natural

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot

MOST = 60
"""Stretches that are compared with the rest of the reference; the latest, where there are more."""
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


def stretches_of(snapshot: Snapshot, length: timedelta) -> tuple[Interval, ...]:
    """Return the stretches, oldest first: end to end, whole, the last one as a window at ``as_of`` would lie.

    None where rows have no time, or the snapshot is shorter than a stretch.
    """
    if snapshot.train_start is None:
        return ()
    end = clock.floor(snapshot.as_of, _DAY if length >= _DAY else _HOUR)
    count = min(int((end - snapshot.train_start) // length), MOST)
    return tuple(Interval(end - length * number, end - length * (number - 1)) for number in range(count, 0, -1))


def natural_distances(stretches: Sequence[Profile], others: Sequence[Profile]) -> Natural:
    """Return method → column → distance of each stretch from all else in the reference, ``others`` included.

    So also each of ``ASPECTS``.

    Stretches without rows, or with nothing else to be compared with, are left out, and so are columns of times.
    """
    parts = [part for part in (*stretches, *others) if part.rows]
    compared = sum(1 for part in stretches if part.rows)
    found: Natural = {way: {} for way in (*METHODS, *ASPECTS)}
    for name in parts[0].columns if parts else ():
        columns = [part.columns[name] for part in parts]
        if columns[0].kind == "time":
            continue
        pairs = [(rest, columns[number]) for number, rest in enumerate(_rests(columns)) if rest and number < compared]
        for method in METHODS:
            found[method][name] = [distance(method, rest, stretch) for rest, stretch in pairs]
        for side in ASPECTS:
            found[side][name] = [aspect_distance(side, aspect(side, rest, stretch)) for rest, stretch in pairs]
    return found


def _rests(parts: Sequence[Column]) -> Iterator[Column | None]:
    """Yield for every part the profile of all others; blocks of parts are merged once and used again."""
    size = math.isqrt(max(len(parts) - 1, 0)) + 1
    blocks = [list(parts[start : start + size]) for start in range(0, len(parts), size)]
    merged = [merge_columns(block) for block in blocks]
    for number, block in enumerate(blocks):
        elsewhere = merged[:number] + merged[number + 1 :]
        for place in range(len(block)):
            others = elsewhere + block[:place] + block[place + 1 :]
            yield merge_columns(others) if others else None


def place_of(within: Interval, stretches: Sequence[Interval]) -> int | None:
    """Return which of ``stretches`` holds ``within``; None for one outside all."""
    return next((number for number, stretch in enumerate(stretches) if stretch.holds(within)), None)
