"""Partitions: an interval's visible rows, made once and kept under the digest of their content.

An index in the store leads from a source's fingerprint to the partition that was made from it. So a later run reads
nothing again: neither for the same ``as_of``, nor for any later one once everything in the interval is known.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from airloop import clock, digest
from airloop.data.sources import Listing, Source, Span
from airloop.data.windows import Interval, micros
from airloop.errors import DataError, SourceChanged

if TYPE_CHECKING:
    import pyarrow as pa

    from airloop.data.visible import Timed
    from airloop.spec.model import Data
    from airloop.store import Store

log = logging.getLogger(__name__)

FORMAT = 1
"""Counts the ways in which rows were ever made canonical; a new one makes all partitions anew."""
RETRIES = 3
KIND = "partitions"
INDEX = "readings"
ROWS = "rows.parquet"
_WINDOWS = {"train_window", "holdout_window", "holdout_share", "expectations", "missing", "private"}
"""What does not change a partition."""


@dataclass(frozen=True)
class Made:
    """A partition as the index remembers it; the digest is "" where no row is visible."""

    digest: str = ""
    rows: int = 0
    labelled: int = 0
    columns: dict[str, str] | None = None
    """Column → Arrow type."""
    latest: int = -(2**63)
    """The last instant, microseconds since 1970 UTC, at which anything about the interval became known."""


@dataclass(frozen=True)
class Maker:
    """Makes the partitions of one pipeline's source that are visible at ``as_of``, or finds them."""

    store: Store
    source: Source
    data: Data
    as_of: datetime

    def of_span(self, span: Span) -> Iterator[tuple[Interval, Made]]:
        """Yield the span's intervals with their partitions.

        Raises SourceChanged when files kept changing while they were read, DataError when rows cannot be used.
        """
        listing = self.source.list(span)
        if not listing.files:
            yield from ((interval, Made()) for interval in span.intervals)
            return
        known = [(interval, self._recall(listing, interval)) for interval in span.intervals]
        if all(made for _, made in known):
            yield from ((interval, made) for interval, made in known if made)
            return
        listing, rows = self._read_unchanged(span)
        astray = self._latest_astray(rows, span)
        for interval in span.intervals:
            made = self._make(rows, interval, astray)
            self._remember(listing, interval, made)
            yield interval, made

    def _recall(self, listing: Listing, interval: Interval) -> Made | None:
        """Return what was made of the same files: for good, when all was known before ``as_of``, or for this one."""
        if listing.fingerprint is None:
            return None
        for final in (True, False):
            name = self._entry(listing, interval, final=final)
            if self.store.has(INDEX, name):
                made = Made(**self.store.get_json(INDEX, name))
                is_valid = not final or made.latest < micros(self.as_of)
                if is_valid and (not made.digest or self.store.has(KIND, made.digest)):
                    return made
        return None

    def _remember(self, listing: Listing, interval: Interval, made: Made) -> None:
        if listing.fingerprint is not None:
            name = self._entry(listing, interval, final=made.latest < micros(self.as_of))
            self.store.put_json(INDEX, name, asdict(made))

    def _entry(self, listing: Listing, interval: Interval, *, final: bool) -> str:
        return digest.of_value(
            {
                "format": FORMAT,
                "data": self.data.model_dump(mode="json", exclude=_WINDOWS),
                "source": listing.fingerprint,
                "interval": str(interval),
                "as_of": None if final else clock.iso(self.as_of),
            }
        )

    def _read_unchanged(self, span: Span) -> tuple[Listing, list[Timed]]:
        """Read a span's rows, again where its files changed meanwhile."""
        for _ in range(1 + RETRIES):
            before = self.source.list(span)
            try:
                rows = self._read(span, before)
            except (DataError, FileNotFoundError):
                # A file that is half replaced cannot be read, either.
                if self.source.list(span) == before:
                    raise
                continue
            if self.source.list(span) == before:
                return before, rows
        raise SourceChanged(
            f"{span.what}: changed each of the {1 + RETRIES} times it was read; retry when writing has ended"
        )

    def _read(self, span: Span, listing: Listing) -> list[Timed]:
        """Return the rows in or near the span's intervals; of a file with all times the rest is dropped at once."""
        from airloop.data.visible import Timed

        wanted = Interval(span.intervals[0].start, span.intervals[-1].end)
        parts = (Timed.of(raw, self.data) for raw in self.source.read(span, listing, self.as_of))
        kept = [part.keep(part.within(wanted) | ~part.within(span.covers)) for part in parts]
        return [part for part in kept if len(part.raw)]

    def _latest_astray(self, rows: Sequence[Timed], span: Span) -> int:
        from airloop.data.visible import LONG_AGO, refuse_astray

        return max((refuse_astray(part, span.covers, self.data, self.as_of) for part in rows), default=LONG_AGO)

    def _make(self, rows: Sequence[Timed], interval: Interval, astray: int) -> Made:
        """Keep the interval's visible rows under the digest of their content."""
        from airloop.data import content
        from airloop.data.canonical import canonical
        from airloop.data.raw import join
        from airloop.data.visible import see

        seen = [
            see(part.keep(inside), self.data, self.as_of) for part in rows if (inside := part.within(interval)).any()
        ]
        latest = max([astray, *(part.latest for part in seen)])
        visible = [part.raw for part in seen if len(part.raw)]
        if not visible:
            return Made(latest=latest)
        table = canonical(join(visible), self.data)
        name = content.of_table(table)
        if not self.store.has(KIND, name):
            with self.store.writing(KIND, name) as folder:
                _write(table, str(folder / ROWS))
        labelled = table.num_rows - table[self.data.label.column].null_count
        log.info("interval %s: %d rows, %d labelled, partition %s", interval, table.num_rows, labelled, name[:12])
        return Made(name, table.num_rows, labelled, {field.name: str(field.type) for field in table.schema}, latest)


def _write(table: pa.Table, path: str) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")
