"""Files know on which days they hold records: between their first and last epoch there may be years without any."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column to both tables of files; it is filled when files are opened next."""
    for table in ("file", "scanned_file"):
        op.add_column(table, Column("days", Text, nullable=False, server_default=""), schema="archive")
