"""Entries, champions and leases, with the triggers that keep the history append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HISTORY = ("entries", "champions")


def upgrade() -> None:
    """Create the three tables and make two of them append-only."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "entries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("pipeline", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("as_of", instant),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.UniqueConstraint("pipeline", "kind", "subject", "run_id", name="one_entry_per_run"),
    )
    op.create_table(
        "champions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("pipeline", sa.String(64), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("bundle", sa.String(64), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("data_cut_off", instant, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Column("by", sa.String(250), nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("restores", sa.Integer),
        sa.Column("recorded_at", instant, nullable=False),
        sa.UniqueConstraint("pipeline", "target", "generation", name="one_champion_per_generation"),
    )
    op.create_table(
        "leases",
        sa.Column("pipeline", sa.String(64), primary_key=True),
        sa.Column("target", sa.String(64), primary_key=True),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(250), nullable=False),
        sa.Column("expires_at", instant, nullable=False),
    )
    _refuse_changes()


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION airloop_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        )
        for table in HISTORY:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION airloop_append_only()"
            )
        return
    for table in HISTORY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )
