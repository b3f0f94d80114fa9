"""The ledger: the append-only history of verdicts, releases and decisions, in SQLite or Postgres."""

from __future__ import annotations

from airloop.ledger.ledger import Ledger
from airloop.ledger.onlooker import Onlooker
from airloop.ledger.rows import Champion, Entry, Kind, Lease

__all__ = ["Champion", "Entry", "Kind", "Lease", "Ledger", "Onlooker"]
