"""Pausing a pipeline's releases: entries of their own, of which the newest says how it stands.

A pause and a release never pass each other: both ask for the same turn first, so that what a release finds is still
true when it is committed.
"""

from __future__ import annotations

import secrets
import zlib
from datetime import UTC, datetime

import sqlalchemy as sa

from airloop import clock
from airloop.errors import LedgerError
from airloop.ledger.rows import Entry
from airloop.ledger.tables import entries

KIND = "pause"
"""The ledger's entries: ``is_paused``, ``by`` and ``reason``; the subject is the pipeline."""
PAUSED = "releases are paused by"
"""What a refusal says of it."""
LONGEST_REASON = 500
_TURN = 0x41_4C_50  # "ALP"


def wait_for_turn(connection: sa.Connection, pipeline: str) -> None:
    """Let nobody else pause, resume or release ``pipeline`` until this transaction ends."""
    # SQLite has the whole file locked for a writer already.
    if connection.dialect.name == "postgresql":
        number = zlib.crc32(pipeline.encode()) - 2**31
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURN, number)))


def standing(connection: sa.Connection, pipeline: str) -> Entry | None:
    """Return the pause that holds, None where releases are not paused."""
    query = sa.select(entries).where(entries.c.pipeline == pipeline, entries.c.kind == KIND)
    row = connection.execute(query.order_by(entries.c.id.desc()).limit(1)).one_or_none()
    newest = None if row is None else Entry(**row._mapping)
    return newest if newest and newest.payload["is_paused"] else None


def change(connection: sa.Connection, pipeline: str, *, is_paused: bool, by: str, reason: str) -> Entry | None:
    """Pause or resume; return the entry, or the standing pause where there is nothing to change (None: none)."""
    said = _checked(pipeline, by, reason, needs_reason=is_paused)
    wait_for_turn(connection, pipeline)
    before = standing(connection, pipeline)
    if (before is not None) == is_paused:
        return before
    # An id that nobody else has makes each an entry of its own.
    values = {"kind": KIND, "pipeline": pipeline, "subject": pipeline, "run_id": secrets.token_hex(8)}
    payload = {"is_paused": is_paused, **said}
    connection.execute(entries.insert().values(**values, payload=payload, as_of=None, recorded_at=datetime.now(UTC)))
    made = sa.select(entries).where(*(entries.c[name] == value for name, value in values.items()))
    return Entry(**connection.execute(made).one()._mapping)


def told(pause: Entry) -> str:
    """Return ``releases are paused by ann since 2013-03-18 06:00 UTC: wrong prices``."""
    return f"{PAUSED} {pause.payload['by']} since {clock.told(pause.recorded_at)}: {pause.payload['reason']}"


def refusal(pause: Entry) -> str:
    """Return why nothing is released, and what lets it go on."""
    return f"{told(pause)}; `python -m airloop resume {pause.pipeline}` lets them go on"


def _checked(pipeline: str, by: str, reason: str, *, needs_reason: bool) -> dict[str, str]:
    """Return who and why without blanks around them. Raises LedgerError where one is missing or too long."""
    by, reason = by.strip(), reason.strip()
    if not by:
        raise LedgerError(f"{pipeline}: nobody is named who pauses or resumes its releases")
    if needs_reason and not reason:
        raise LedgerError(f"{pipeline}: a pause needs a reason, for those who wait for a release")
    if len(reason) > LONGEST_REASON:
        raise LedgerError(
            f"{pipeline}: a reason of {len(reason):,} characters; at most {LONGEST_REASON} are kept in the ledger"
        )
    return {"by": by, "reason": reason}
