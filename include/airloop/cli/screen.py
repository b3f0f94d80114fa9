"""What people see: stderr through rich; and what programs read: one JSON line on stdout."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, TextIO

from pydantic import BaseModel
from rich.console import Console
from rich.text import Text

from airloop import clock
from airloop.errors import AirloopError

GOOD = {"PROMOTE", "RELEASED", "CONTINUE", "release", "OK"}
BAD = {"REJECT", "REFUSED", "ROLLED_BACK", "ROLL_BACK", "NOT_VERIFIED", "ACT"}


def console() -> Console:
    """Return the console on the stderr of this moment; a file or pipe gets wide lines."""
    return _console_on(sys.stderr)


@lru_cache(maxsize=1)
def _console_on(stream: TextIO) -> Console:
    # One for all: a log line must not run into the spinner.
    return Console(file=stream, highlight=False, width=None if stream.isatty() else 160)


def emit(value: BaseModel | dict[str, Any], *, is_told: bool = False) -> None:
    """Write ``value`` as one JSON line on stdout; not at a terminal where a person was told already (``is_told``)."""
    if is_told and sys.stdout.isatty():
        return
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    sys.stdout.write(json.dumps(plain, allow_nan=False, default=_plain) + "\n")


def complain(error: AirloopError) -> None:
    """Show an error, with what can be done about it."""
    screen = console()
    screen.print(Text("error", style="bold red"), Text(str(error)), sep="  ", soft_wrap=True)
    if error.retryable:
        screen.print(Text("Trying again later can help.", style="dim"))


def colour(word: str) -> Text:
    """Return an outcome in its colour."""
    style = "bold green" if word in GOOD else "bold red" if word in BAD else "bold yellow"
    return Text(word, style=style)


def when(instant: datetime | None) -> str:
    """Return ``2013-03-18 06:00`` (UTC), or a dash."""
    return clock.in_utc(instant).strftime("%Y-%m-%d %H:%M") if instant else "-"


@contextmanager
def timing(step: str) -> Iterator[None]:
    """Show that ``step`` is at work, then how long it took."""
    screen, started = console(), time.perf_counter()
    try:
        with screen.status(Text(step)):
            yield
    except BaseException:
        screen.print(Text("✗", style="red"), Text(f"{step:<16} {time.perf_counter() - started:6.1f} s"))
        raise
    screen.print(Text("✓", style="green"), Text(f"{step:<16} {time.perf_counter() - started:6.1f} s"))


def log_to_stderr(level: int) -> None:
    """Send log lines to stderr: Airloop's from ``level``, other libraries' from WARNING."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Levelled())
    if sys.stderr.isatty():
        from rich.logging import RichHandler

        handler = RichHandler(console=console(), show_time=False, show_path=False, show_level=False, markup=False)
        handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("airloop").setLevel(level)


class _Levelled(logging.Formatter):
    """Says the level of what is more than information, by which others can tell it apart."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message, after ``WARNING: `` or another level."""
        said = super().format(record)
        return f"{record.levelname}: {said}" if record.levelno >= logging.WARNING else said


@contextmanager
def quiet(*rooms: str) -> Iterator[None]:
    """Keep what rooms log at every step from the screen, unless everything is asked for."""
    loggers = [logging.getLogger(room) for room in rooms]
    before = [logger.level for logger in loggers]
    is_verbose = logging.getLogger("airloop").level <= logging.DEBUG
    try:
        for logger in loggers:
            logger.setLevel(logger.level if is_verbose else logging.WARNING)
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return clock.iso(value)
    return str(value)
