"""Which columns a request must carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airloop.errors import SpecError, nearest
from airloop.features.schema import InputKind

if TYPE_CHECKING:
    from airloop.spec.model import Spec


def input_columns(spec: Spec, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the inputs, in the order of ``features.inputs`` or else of the data.

    Without ``features.inputs`` these are all ``columns`` but the label, its ``known_at`` and ``recorded_at``. Without a
    ``features`` section every input is a feature, so ``event_time`` and ``key`` are left out too: one only ever grows,
    the other names rows. Raises SpecError naming an input that is not in the data, or is the label.
    """
    data = spec.data
    later = {data.label.column, data.label.known_at, data.recorded_at}
    asked = spec.features.inputs if spec.features else ()
    where = f"pipeline {spec.name} features.inputs"
    for name in asked:
        if name in later:
            raise SpecError(f"{where}: {name!r} is not known when a prediction is asked for")
        if name not in columns:
            raise SpecError(f"{where}: {name!r} is not in the data.{nearest(name, columns)}")
    if asked:
        return asked
    not_features = set() if spec.features else {data.event_time, *data.key}
    names = tuple(name for name in columns if name not in later | not_features)
    if not names:
        raise SpecError(f"{where}: the data has no column beside label, key and times: {', '.join(columns)}")
    return names


def input_kind(column: str, arrow_type: str) -> InputKind:
    """Return the kind of an input from the text of its Arrow type, for example ``timestamp[us, tz=UTC]`` → ``time``.

    Raises SpecError for a type that a JSON request cannot carry.
    """
    if arrow_type == "bool":
        return "boolean"
    if arrow_type.startswith(("int", "uint")):
        return "integer"
    if arrow_type.startswith(("float", "double", "halffloat", "decimal", "null")):
        return "number"
    if arrow_type.startswith(("string", "large_string", "string_view", "dictionary")):
        return "text"
    if arrow_type.startswith(("timestamp", "date")):
        return "time"
    raise SpecError(f"column {column!r} has Arrow type {arrow_type}; inputs may be numbers, booleans, texts and times")
