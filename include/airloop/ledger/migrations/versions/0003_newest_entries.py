"""An index by which the newest entries of a kind are found, however many there are."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the index; entries stay as they are."""
    op.create_index("newest_entries", "entries", ["pipeline", "kind", "as_of", "id"])
