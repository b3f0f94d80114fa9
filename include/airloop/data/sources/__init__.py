"""Sources: where raw rows come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from airloop.data.windows import Interval

if TYPE_CHECKING:
    from airloop.data.raw import Raw
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace


@dataclass(frozen=True)
class Span:
    """Rows that are read together, and the partitions cut from them."""

    covers: Interval
    """Where the rows' event times must lie."""
    intervals: tuple[Interval, ...]
    what: str
    """What is looked for, for a message."""


@dataclass(frozen=True)
class Listing:
    """What a span consists of now."""

    files: tuple[str, ...]
    fingerprint: str | None
    """Changes when the rows may have changed; None where that cannot be told without reading."""


class Source(Protocol):
    """Somewhere that rows can be read from, one span at a time."""

    def spans(self, intervals: Sequence[Interval]) -> Iterator[Span]:
        """Yield what to read for these intervals, oldest first."""

    def list(self, span: Span) -> Listing:
        """Return what is there. Raises Unreachable when the source does not answer."""

    def read(self, span: Span, listing: Listing, as_of: datetime) -> Iterator[Raw]:
        """Yield the rows in parts. Raises DataError when they cannot be read."""

    def nearest(self, instant: datetime) -> datetime | None:
        """Return the start of the partition nearest to ``instant`` that seems to exist, or None if unknown."""

    def close(self) -> None:
        """Give back what is held open."""


def open_source(workspace: Workspace, pipeline: Pipeline) -> Source:
    """Return the pipeline's source; nothing is read yet."""
    from airloop.data.sources.files import Files
    from airloop.data.sources.sql import Query

    source = pipeline.spec.data.source
    if source.path is not None:
        return Files(workspace.home, source.path)
    assert source.sql is not None and source.conn_id is not None  # noqa: S101 - the spec says so
    return Query(pipeline.file(source.sql), source.conn_id, workspace.connection)
