"""Windows, spans and counts as people read them."""

from __future__ import annotations

from datetime import timedelta

from airloop import clock
from airloop.monitoring.window import Window

_UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


def told_window(window: Window) -> str:
    """Return ``2013-03-18 to 2013-03-25``; its end is not part of it."""
    return f"{clock.told(window.start)} to {clock.told(window.end)}"


def counted(number: int, thing: str) -> str:
    """Return ``1 window``, ``2 windows``, ``1,200 windows``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def lasting(span: timedelta) -> str:
    """Return a span in its largest unit, rounded down to at most one more: ``7 days``, ``6 days 18 hours``."""
    for (name, size), finer in zip(_UNITS, (*_UNITS[1:], None), strict=True):
        if span >= size or finer is None:
            whole, rest = span // size, span % size
            more = f" {counted(rest // finer[1], finer[0])}" if finer and rest >= finer[1] else ""
            return f"{counted(whole, name)}{more}"
    raise AssertionError("the last unit takes whatever is left")
