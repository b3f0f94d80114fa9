"""Small field types of a pipeline.yaml: durations and counts within a period."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(value: Any) -> timedelta:
    """Return the timedelta for texts such as ``90s``, ``30m``, ``12h``, ``60d`` or ``2w``."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d+)\s*([smhdw])", str(value).strip())
    if not match:
        raise ValueError(f"{value!r} is not a duration; write a number and s, m, h, d or w, for example 60d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def format_duration(value: timedelta) -> str:
    """Return the shortest text that ``parse_duration`` reads back."""
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration, json_schema_input_type=str),
    PlainSerializer(format_duration, return_type=str),
]
"""A length of time, written as a number and a unit: 90s, 30m, 12h, 60d, 2w."""
