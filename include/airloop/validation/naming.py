"""How partitions, counts and values are written for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airloop import clock

if TYPE_CHECKING:
    from airloop.data.snapshot import Partition

LISTED = 5


def partition_title(partition: Partition) -> str:
    """Return ``2013-03-01``, ``2013-03-01T05:00:00Z``, or a short digest where rows have no time."""
    if partition.start is None:
        return partition.digest[:12]
    return clock.iso(partition.start).removesuffix("T00:00:00Z")


def counted(number: int, thing: str) -> str:
    """Return ``1 row`` or ``12,000 rows``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def listed(items: Sequence[str]) -> str:
    """Return the first few, and how many more there are."""
    more = f" and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return ", ".join(items[:LISTED]) + more


def example(value: Any, count: int) -> str:
    """Return ``'XX' (3 times)``; once is not said."""
    text = short(value)
    return f"{text} ({count:,} times)" if count > 1 else text


def short(value: Any) -> str:
    """Return a value's text, floats to six digits, long ones cut."""
    text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
