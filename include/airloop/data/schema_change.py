"""Columns that change from partition to partition: what is harmless, what is widened, and what is an error."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airloop.data.windows import Interval
from airloop.errors import DataError

if TYPE_CHECKING:
    from airloop.spec.model import Spec

log = logging.getLogger(__name__)

_WIDER = {frozenset({"int64", "double"}): "double"}
"""Arrow types of which all values of one fit the other."""


def common_columns(spec: Spec, partitions: Sequence[tuple[Interval, dict[str, str]]]) -> dict[str, str]:
    """Return column → Arrow type for all partitions (oldest first, each column → type).

    Whole numbers widen to numbers, a column without any value takes the others' type, and a column that is new in later
    partitions is left out until all have it. Raises DataError for another change of type, and for a column that is
    needed and vanished.
    """
    if not partitions:
        return {}
    first_seen: dict[str, Interval] = {}
    types: dict[str, str] = {}
    for interval, columns in partitions:
        _refuse_vanished(spec, first_seen, columns, interval)
        for name, type_ in columns.items():
            first_seen.setdefault(name, interval)
            types[name] = _wider(name, types.get(name, "null"), type_, first_seen[name], interval)
    everywhere = [name for name in partitions[-1][1] if all(name in columns for _, columns in partitions)]
    late = sorted(set(types) - set(everywhere))
    if late:
        log.warning("columns %s are not in all partitions of the snapshot and are left out", ", ".join(late))
    return {name: types[name] for name in everywhere}


def _refuse_vanished(spec: Spec, first_seen: dict[str, Interval], columns: dict[str, str], interval: Interval) -> None:
    vanished = sorted(name for name in first_seen if name not in columns and _is_needed(spec, name))
    if vanished:
        raise DataError(
            f"{spec.name}: column {vanished[0]!r} is in partition {first_seen[vanished[0]]} but not in {interval}. "
            "Restore it; or, where the model does not need it, leave it out of features.inputs"
        )


def _is_needed(spec: Spec, name: str) -> bool:
    return spec.features is None or not spec.features.inputs or name in spec.features.inputs


def _wider(name: str, old: str, new: str, since: Interval, interval: Interval) -> str:
    if old == new or new == "null":
        return old
    if old == "null":
        return new
    if wider := _WIDER.get(frozenset({old, new})):
        return wider
    raise DataError(
        f"column {name!r} has type {old} in partition {since} and {new} in {interval}; "
        f"say in data.columns what it is, for example {name}: text"
    )
