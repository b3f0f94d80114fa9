"""A container's log, passed on to the task's line by line."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from docker import APIClient

LAST_LINES = 5
_LEVEL = re.compile(r"(WARNING|ERROR|CRITICAL): (?=.)")


class ContainerLog:
    """Reads the log of ``container`` from where it was left, and writes it to ``log`` at the levels it had there."""

    def __init__(self, client: APIClient, container: str, log: Any) -> None:
        self.client = client
        self.container = container
        self.log = log
        self.seen = ""
        """When the last line came that was passed on, in Docker's words: ISO 8601 with nanoseconds."""
        self.last: deque[str] = deque(maxlen=LAST_LINES)

    def tell_earlier(self) -> None:
        """Pass on what was said while nobody watched, or another try did, folded up in Airflow's page."""
        if lines := list(self._lines(follow=False)):
            self.log.info("::group::What the container said before this try: %d lines", len(lines))
            for line in lines:
                self._tell(line)
            self.log.info("::endgroup::")

    def follow(self) -> None:
        """Pass on what is said until the stream ends: with the container, or with a connection that is lost."""
        try:
            for line in self._lines(follow=True):
                self._tell(line)
        except HTTPError as error:
            self.log.debug("the log's stream broke off: %s", error)

    def _lines(self, *, follow: bool) -> Iterator[str]:
        since = datetime.fromisoformat(self.seen).timestamp() if self.seen else None
        for entry in self.client.logs(self.container, stream=True, follow=follow, timestamps=True, since=since):
            when, _, line = entry.decode(errors="replace").rstrip("\r\n").partition(" ")
            if when > self.seen:  # `since` is rounded
                self.seen = when
                yield line

    def _tell(self, line: str) -> None:
        self.last.append(line)
        level, text = level_of(line)
        getattr(self.log, level)("%s", text)


def level_of(line: str) -> tuple[str, str]:
    """Return the level at which ``python -m airloop`` said a line, as a logger's method is called, and its text."""
    match = _LEVEL.match(line)
    return (match[1].lower(), line[match.end() :]) if match else ("info", line)
