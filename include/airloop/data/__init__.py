"""The data room: what a run at ``as_of`` may see, kept once under the digest of its content.

What happens to data that is not as it should be:

- Known later: an event at or after ``as_of``, a version recorded after it, a label known after it do not exist. They
  change no byte, no type and raise no error. A late correction makes a new partition, and so a new snapshot.
- Times: everything becomes UTC; a time without offset is in ``data.timezone``. What is no ISO 8601 time, and a local
  time that the zone's clocks skip or show twice, is a DataError with value, column, row and file.
- Types: one Arrow type per kind (number, integer, boolean, text, time). ``data.columns`` are cast where nothing is
  lost, other columns are taken as they come, in CSV and SQL as their visible values are. Anything else is a DataError.
- Astray: a visible row in the file or query of another interval is a DataError; it is never dropped silently.
- Duplicates: with ``data.key``, exact duplicates collapse, of versions the newest ``data.recorded_at`` stays, and
  different rows with one key are a DataError. Without a key equal rows are different events.
- Schema change: whole numbers widen to numbers, a new column waits until all partitions have it, another type or a
  vanished column that the model needs is a DataError.
- Holes: an interval without a row is in ``Snapshot.missing``; ``data.missing: block`` makes it a DataError. A window
  without a row, and training rows without any known label, always are one.
- A file that changes while it is read is read again three times, then SourceChanged (retryable).
- A source, or a store, that does not answer is Unreachable (retryable). Nothing is ever half-written.

Files are read once: an index in the store finds their partitions again. A query is asked every time, as it cannot tell
whether its rows changed; equal rows are the same partition.
"""

from __future__ import annotations

from airloop.data.observe import columns_of, newest, observe
from airloop.data.read import read_partition
from airloop.data.snapshot import Partition, Snapshot
from airloop.data.take import load_snapshot, take

__all__ = [
    "take", "load_snapshot", "read_partition", "observe", "columns_of", "newest", "Snapshot", "Partition",
]  # fmt: skip
