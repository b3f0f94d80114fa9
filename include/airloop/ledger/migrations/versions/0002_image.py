"""What a champion is run from: its image, by digest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; releases before it were served from the bundle itself."""
    op.add_column("champions", sa.Column("image", sa.String(512), nullable=False, server_default=""))
