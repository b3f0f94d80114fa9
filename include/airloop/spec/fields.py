"""Small field types of a pipeline.yaml: durations, cron expressions and counts within something."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from airloop.errors import nearest

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SIZES = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")


def parse_duration(value: Any) -> timedelta:
    """Return the timedelta for texts such as ``90s``, ``30m``, ``12h``, ``60d`` or ``2w``."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d{1,6})\s*([smhdw])", str(value).strip())
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


def parse_size(value: Any) -> int:
    """Return the bytes of texts such as ``512MB`` or ``2GB`` (powers of 1,000)."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)\s*(MB|GB|TB)", str(value).strip())
    if not match or not float(match[1]):
        raise ValueError(f"{value!r} is not a size; write a number and MB, GB or TB, for example 512MB")
    return round(float(match[1]) * _SIZES[match[2]])


def format_size(value: int) -> str:
    """Return the shortest text that ``parse_size`` reads back."""
    unit = next(unit for unit in ("TB", "GB", "MB") if value >= _SIZES[unit] or unit == "MB")
    return f"{value / _SIZES[unit]:g}{unit}"


def check_name(name: str) -> str:
    """Return ``name`` when it can be a folder, a DAG id and a path of the server, else raise ValueError."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise ValueError(f"{name!r} is not a name: a small letter, then at most 62 small letters, digits and _")
    return name


def _check_cron(text: str) -> str:
    from croniter import CroniterError, croniter  # type: ignore[import-untyped]

    if text.startswith("@"):
        if text not in _PRESETS:
            raise ValueError(f"unknown schedule {text!r}.{nearest(text, _PRESETS)}")
        return text
    try:
        if len(text.split()) != 5:
            raise ValueError("five fields are needed")
        croniter.expand(text)
    except (CroniterError, ValueError) as error:
        raise ValueError(
            f"{text!r} is not a cron expression ({error}); "
            "write minute hour day month weekday, for example '0 6 * * MON'"
        ) from None
    return text


def _check_windows(text: str) -> str:
    match = re.fullmatch(r"(\d{1,3}) of (\d{1,3})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"{text!r} is not a count of windows; write for example '2 of 5'")
    return text


def _check_budget(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,3} per (day|week|month)", text):
        raise ValueError(f"{text!r} is not a budget; write a number per day, week or month, for example '2 per week'")
    return text


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration, json_schema_input_type=str),
    PlainSerializer(format_duration, return_type=str),
]
"""A length of time, written as a number and a unit: 90s, 30m, 12h, 60d, 2w."""

Size = Annotated[
    int,
    BeforeValidator(parse_size, json_schema_input_type=str),
    PlainSerializer(format_size, return_type=str),
]
"""Bytes, written as a number and a unit: 512MB, 2GB."""

Name = Annotated[str, AfterValidator(check_name)]
"""A pipeline's name."""

Cron = Annotated[str, AfterValidator(_check_cron)]
"""Minute, hour, day, month and weekday in UTC, or @hourly, @daily, @weekly, @monthly, @yearly."""

Windows = Annotated[str, AfterValidator(_check_windows)]
"""How many of how many, for example ``2 of 5``."""

Budget = Annotated[str, AfterValidator(_check_budget)]
"""How many in which time, for example ``2 per week``."""
