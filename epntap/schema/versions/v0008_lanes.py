"""Jobs know whose they are, so that those of one client leave room for others."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column; jobs that are there already belong to nobody and take no turns."""
    op.add_column("job", Column("client", Text), schema="uws")
