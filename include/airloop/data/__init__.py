"""The data room: what a run at ``as_of`` may see, kept once under the digest of its content."""

from __future__ import annotations

from airloop.data.read import read_partition
from airloop.data.snapshot import Partition, Snapshot
from airloop.data.take import load_snapshot, take

__all__ = ["take", "load_snapshot", "read_partition", "Snapshot", "Partition"]
