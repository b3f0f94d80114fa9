"""The ledger's tables as the newest migration leaves them.

``entries`` and ``champions`` only grow: triggers in the database refuse UPDATE and DELETE. ``leases`` says who is
releasing at the moment; it is not history, so its rows change.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from airloop import clock

REVISION = "0003"
"""The newest migration. A test keeps it equal to Alembic's head."""

KNOWN_REVISIONS = ("0001", "0002", "0003")
"""Every migration this code has, oldest first."""


class Instant(sa.types.TypeDecorator[datetime]):
    """An instant, kept and given back in UTC; one without a zone is taken as UTC (SQLite itself forgets zones)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else clock.in_utc(value)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else clock.in_utc(value)


metadata = sa.MetaData()

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("pipeline", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("as_of", Instant),
    sa.Column("run_id", sa.String(250), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.UniqueConstraint("pipeline", "kind", "subject", "run_id", name="one_entry_per_run"),
    # The newest entries of a kind are the end of a stretch of it, however many there are.
    sa.Index("newest_entries", "pipeline", "kind", "as_of", "id"),
)

champions = sa.Table(
    "champions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pipeline", sa.String(64), nullable=False),
    sa.Column("target", sa.String(64), nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("bundle", sa.String(64), nullable=False),
    sa.Column("version", sa.String(128), nullable=False),
    sa.Column("data_cut_off", Instant, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("run_id", sa.String(250), nullable=False),
    sa.Column("by", sa.String(250), nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("restores", sa.Integer),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("image", sa.String(512), nullable=False, server_default=""),
    sa.UniqueConstraint("pipeline", "target", "generation", name="one_champion_per_generation"),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("pipeline", sa.String(64), primary_key=True),
    sa.Column("target", sa.String(64), primary_key=True),
    sa.Column("run_id", sa.String(250), nullable=False),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(250), nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
)
